"""Writes the dataset that the tests of frameworks load, where deeplake 3 is not installed.

    python write.py

makes dataset.tar.xz beside this file. It has 101 samples, so that ranks and batches do not divide them, and a saved
view "hundred" of the first 100. A sample is "number", the square of its index; "image", 6 x 8 x 3 of one size;
"ragged", a picture of another size for each of three samples in turn. All lie in several chunks.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
import warnings
from pathlib import Path

os.environ["BUGGER_OFF"] = "true"
warnings.filterwarnings("ignore")

import deeplake  # noqa: E402
import numpy as np  # noqa: E402

SAMPLES = 101


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dataset"
        write(str(path))
        with tarfile.open(Path(__file__).with_name("dataset.tar.xz"), "w:xz", preset=9) as archive:
            for file in sorted(path.rglob("*")):
                if file.is_file() and file.suffix != ".lock":
                    archive.add(file, str(file.relative_to(path)), filter=plain)


def write(path: str) -> None:
    ds = deeplake.empty(path)
    with ds:
        ds.create_tensor("number", dtype="int64", max_chunk_size=200)
        for name in ("image", "ragged"):
            ds.create_tensor(name, htype="image", sample_compression="png", max_chunk_size=2000)
        for index in range(SAMPLES):
            ds.number.append(np.array([index**2]))
            ds.image.append(picture(6, 8, index))
            ds.ragged.append(picture(3 + index % 3, 5, index))
    ds.commit("all")
    ds[:100].save_view(id="hundred")
    ds.flush()


def picture(height: int, width: int, seed: int) -> np.ndarray:
    y, x, c = np.ogrid[:height, :width, :3]
    return ((y * 9 + x * 5 + c * 70 + seed * 31) % 256).astype("uint8")


def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same dataset gives the same archive."""
    entry.mtime = entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    main()
