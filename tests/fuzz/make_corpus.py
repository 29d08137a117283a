"""Writes the corpus that fuzzing starts from: small chunks and files as deeplake, Pillow, OpenCV and lz4 write them.

    python tests/fuzz/make_corpus.py

What a file of the target "chunk" begins with is described in format_targets.cpp, source_of().
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

os.environ["BUGGER_OFF"] = "true"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import lz4.block
import lz4.frame
import numpy as np
import numpy.typing as npt
from PIL import Image

import penstock
from penstock.format import parse_chunk_header
from support.datasets import MAKERS
from support.images import jpeg, picture, png, webp

HERE = Path(__file__).resolve().parent
LAKES = (
    "jpeg_images",
    "png_images",
    "raw_images",
    "equal_images",
    "annotations",
    "empties",
    "texts",
    "polygons",
    "webp_images",
    "image_chunks",
)
LARGEST = 3000
PER_TENSOR = 1
SIZES = ((1, 1), (7, 5), (8, 33), (16, 16), (17, 9), (33, 18), (40, 70))
SAMPLINGS = (
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411,
)
KINDS = {
    (None, None): 0,
    ("lz4", None): 1,
    (None, "lz4"): 2,
    ("jpeg", None): 3,
    ("png", None): 4,
    ("webp", None): 5,
    (None, "png"): 6,
}


def choice(tensor: penstock.Tensor) -> bytes:
    """How the target "chunk" is told of a tensor's format."""
    as_bytes = tensor.value_format is not None
    fixed = None if as_bytes else tensor.fixed_shape
    extents = [min(extent, 255) for extent in (fixed or ())][:3]
    return bytes(
        [
            KINDS[tensor.sample_compression, tensor.chunk_compression],
            0 if tensor.dtype is None or as_bytes else tensor.dtype.itemsize.bit_length() - 1,
            max(tensor.ndim, 1) - 1,
            tensor.is_image | (fixed is not None) << 1 | as_bytes << 2,
            *extents,
            *[0] * (3 - len(extents)),
        ]
    )


def chunks(root: Path) -> Iterator[tuple[bytes, bytes]]:
    """(format, chunk) of small chunks of all test datasets."""
    for name in LAKES:
        MAKERS[name](root / name)
        for tensor in penstock.open(root / name).tensors.values():
            kind = (tensor.sample_compression, tensor.chunk_compression)
            if len(tensor) == 0 or tensor.ndim > 3 or kind not in KINDS:
                continue
            files = sorted({root / name / tensor.chunks.key(row) for row in range(len(tensor.chunks))})
            small = [file.read_bytes() for file in files if file.stat().st_size <= LARGEST]
            for chunk in sorted(small, key=len)[-PER_TENSOR:]:
                yield choice(tensor), chunk


def jpegs() -> Iterator[bytes]:
    for channels in (0, 3):
        for options in ({"progressive": True}, {"restart_marker_rows": 1}):
            yield jpeg(picture(9, 17, channels, seed=channels), quality=40, **options)
    for number, (height, width) in enumerate(SIZES):
        for sampling in SAMPLINGS:
            yield baseline(picture(height, width, 3, seed=number), [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling], number)
        yield baseline(picture(height, width, 0, seed=number), [], number)


def baseline(image: npt.NDArray[np.uint8], options: list[int], number: int) -> bytes:
    """By turns with codes of its own or the standard ones, with restart markers or without, and of any quality."""
    options = [*options, cv2.IMWRITE_JPEG_QUALITY, 25 + 37 * number % 75]
    options += [cv2.IMWRITE_JPEG_OPTIMIZE, number % 2, cv2.IMWRITE_JPEG_RST_INTERVAL, number % 3]
    done, file = cv2.imencode(".jpg", image, options)
    assert done
    return bytes(file)


def pngs() -> Iterator[bytes]:
    for channels, mode in ((3, None), (0, None), (4, None), (0, "LA"), (3, "P"), (0, "1")):
        yield png(picture(7, 5, channels), mode)
    yield png(picture(7, 5, 0).astype(np.uint16) * 257)


def webps() -> Iterator[bytes]:
    for channels in (3, 4):
        for options in ({"quality": 40}, {"lossless": True}):
            yield webp(picture(7, 5, channels), **options)
    frames = [Image.fromarray(picture(7, 5, 3, seed=seed)) for seed in range(2)]
    buffer = BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    yield buffer.getvalue()


def blocks() -> Iterator[bytes]:
    for data in (b"", b"a", bytes(1000), bytes(range(256)) * 3, b"abcabcabd" * 40):
        yield lz4.block.compress(data)
        yield lz4.frame.compress(data)


def raws() -> Iterator[bytes]:
    for channels in (1, 3, 4):
        for color in range(3):
            yield bytes([3, 2, channels, 0, color]) + bytes(range(6 * channels))
    yield bytes([2, 2, 1, 1, 0]) + bytes(8)


def write(target: str, inputs: list[bytes]) -> None:
    directory = HERE / "corpus" / target
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for data in inputs:
        (directory / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def main() -> None:
    with tempfile.TemporaryDirectory() as root:
        found = list(chunks(Path(root)))
    heads = [chunk[: parse_chunk_header(chunk).data_offset + 4] for _, chunk in found]
    write("chunk_header", sorted(heads, key=len)[::3])
    write("chunk", [kind + chunk for kind, chunk in found])
    write("lz4", list(blocks()))
    write("jpeg", list(jpegs()))
    write("png", list(pngs()))
    write("webp", list(webps()))
    write("raw", list(raws()))


if __name__ == "__main__":
    main()
