"""Writes the datasets that the tests of the tutorials load where deeplake 3 is not installed.

    python write.py

makes datasets.tar.xz beside this file: "train" with 201 pictures of shapes and "val" with 61, as the tutorials draw
and write them. Ranks and batches do not divide these numbers.
"""

from __future__ import annotations

import os
import sys
import tarfile
import tempfile
import warnings
from pathlib import Path

os.environ["BUGGER_OFF"] = "true"
warnings.filterwarnings("ignore")

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[3] / "examples" / "tutorials"))

from sample_data import classification_datasets  # noqa: E402

TRAIN, VAL = 201, 61


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        datasets = classification_datasets(Path(folder), TRAIN, VAL)
        with tarfile.open(HERE.with_name("datasets.tar.xz"), "w:xz", preset=9) as archive:
            for split, path in datasets.items():
                for file in sorted(path.rglob("*")):
                    if file.is_file() and file.suffix != ".lock":
                        archive.add(file, f"{split}/{file.relative_to(path)}", filter=plain)


def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """No owner and no time."""
    entry.mtime = entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    main()
