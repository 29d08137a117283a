"""The data of benchmarks/reliability.py, as Deep Lake datasets and as files."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from reliability_contenders import SILENT, STALL

__all__ = ["BAD", "IMAGES", "write"]

IMAGES = 128
#: The samples that are damaged.
BAD = (20, 50, 90)


def write(data: Path, numbers: int) -> None:
    """Writes "images", "bad", "stalled" and "numbers"; what stands for the lake of "stalled" is a server's."""
    jpegs = [_jpeg(index) for index in range(IMAGES)]
    _images(data / "images", jpegs)
    shutil.copytree(data / "images", data / "bad")
    for index in BAD:
        _damage(data / "bad", index, jpegs[index])
    shutil.copytree(data / "images", data / "stalled")
    _stall(data / "stalled")
    values = np.arange(numbers, dtype=np.int64)
    (data / "numbers").mkdir()
    np.save(data / "numbers" / "numbers.npy", values)
    with _lake(data / "numbers" / "lake") as lake:
        lake.create_tensor("number", dtype="int64")
        lake.number.extend(values)


def _jpeg(index: int) -> bytes:
    from PIL import Image

    y, x, c = np.ogrid[:240, :320, :3]
    noise = np.random.default_rng(index).random((240, 320, 3))
    waves = np.sin(x / (7 + index % 11)) + np.cos(y / (5 + index % 7)) + noise
    file = io.BytesIO()
    Image.fromarray(((waves + c / 4) * 60 % 256).astype(np.uint8)).save(file, "JPEG")
    return file.getvalue()


def _images(folder: Path, jpegs: list[bytes]) -> None:
    from deeplake.core.sample import Sample

    (folder / "files").mkdir(parents=True)
    with _lake(folder / "lake") as lake:
        lake.create_tensor("image", htype="image", sample_compression="jpeg", max_chunk_size=150_000)
        for index, jpeg in enumerate(jpegs):
            (folder / "files" / f"{index:04}.jpg").write_bytes(jpeg)
            lake.image.append(Sample(buffer=jpeg, compression="jpeg"))


def _lake(path: Path) -> Any:
    import deeplake

    return deeplake.empty(str(path), verbose=False)


def _damage(folder: Path, index: int, jpeg: bytes) -> None:
    """Overwrites a JPEG's beginning, wherever it lies."""
    files = [folder / "files" / f"{index:04}.jpg", *(folder / "lake" / "image" / "chunks").iterdir()]
    damaged = 0
    for file in files:
        content = file.read_bytes()
        place = content.find(jpeg)
        if place >= 0:
            file.write_bytes(content[:place] + bytes(64) + content[place + 64 :])
            damaged += 1
    assert damaged == 2


def _stall(folder: Path) -> None:
    """Puts a FIFO, which nobody writes to, in the place of what holds the last samples; names what a server must not
    answer."""
    import deeplake

    lake = deeplake.load(str(folder / "lake"), read_only=True, verbose=False)
    encoder = lake.image.chunk_engine.chunk_id_encoder
    chunks = folder / "lake" / "image" / "chunks"
    of_sample = [chunks / encoder.name_from_id(encoder[index][0]) for index in range(IMAGES)]
    silent = sorted(set(of_sample[SILENT:]) - set(of_sample[:SILENT]))
    (folder / "silent").write_text("\n".join(str(file.relative_to(folder)) for file in silent))
    fifos = sorted(set(of_sample[STALL:]) - set(of_sample[:STALL]))
    fifos += [folder / "files" / f"{index:04}.jpg" for index in range(STALL, IMAGES)]
    for file in fifos:
        file.unlink()
        os.mkfifo(file)
