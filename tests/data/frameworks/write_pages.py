"""Writes the datasets of the pages' code blocks (tests/support/doc_world.py) for a Python without deeplake 3.

    PYTHONPATH=tests python tests/data/frameworks/write_pages.py

makes pages.tar.xz beside this file, with the datasets "detection" and "classes".
"""

from __future__ import annotations

import os
import tarfile
import tempfile
import warnings
from pathlib import Path

os.environ["BUGGER_OFF"] = "true"
warnings.filterwarnings("ignore")

from support.doc_world import Lakes  # noqa: E402


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        lakes = Lakes.written(Path(folder))
        with tarfile.open(Path(__file__).with_name("pages.tar.xz"), "w:xz", preset=9) as archive:
            for path in (lakes.detection, lakes.classes):
                for file in sorted(path.rglob("*")):
                    if file.is_file() and file.suffix != ".lock":
                        archive.add(file, str(file.relative_to(folder)))


if __name__ == "__main__":
    main()
