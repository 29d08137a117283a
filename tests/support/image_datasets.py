"""Datasets of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from support.images import jpeg, picture, png
from support.lake import encoded, new_lake

__all__ = ["equal_images", "jpeg_images", "png_images", "raw_images"]

# Odd sizes, sizes around the 8 and 16 pixel blocks, a single pixel.
SIZES = [(48, 64), (33, 47), (16, 16), (17, 31), (1, 1), (8, 100), (64, 1), (40, 40)]


def jpeg_images(path: Path) -> None:
    """JPEGs of many sizes and kinds: gray, 4:4:4, 4:2:2, 4:2:0, progressive, turned by EXIF; an empty one."""
    kinds = [
        {"subsampling": 0},
        {"subsampling": 1},
        {"subsampling": 2},
        {"subsampling": 2, "progressive": True},
        {"subsampling": 0, "progressive": True, "quality": 40},
        {"optimize": True, "restart_marker_rows": 1},
    ]
    with new_lake(path) as lake:
        lake.create_tensor("images", htype="image", sample_compression="jpeg", max_chunk_size=20_000)
        for number, size in enumerate(SIZES * 2):
            data = jpeg(picture(*size, 3, seed=number), **kinds[number % len(kinds)])
            lake.images.append(encoded(data, "jpeg"))
        lake.images.append(encoded(jpeg(picture(30, 20, 0, seed=90)), "jpeg"))
        lake.images.append(encoded(jpeg(picture(30, 21, 3, seed=91), exif=_turned()), "jpeg"))
        lake.images.append(None)
        lake.create_tensor("gray", htype="image.gray", sample_compression="jpeg")
        for number, size in enumerate(SIZES[:3]):
            lake.gray.append(encoded(jpeg(picture(*size, 0, seed=number)), "jpeg"))


def png_images(path: Path) -> None:
    """PNGs: RGB, gray, RGBA, gray with alpha, palette, 16 bits, 1 bit."""
    with new_lake(path) as lake:
        for name, channels in (("rgb", 3), ("gray", 0), ("rgba", 4)):
            lake.create_tensor(name, htype="image", sample_compression="png")
            for number, size in enumerate(SIZES):
                lake[name].append(encoded(png(picture(*size, channels, seed=number)), "png"))
        lake.create_tensor("gray_alpha", htype="image", sample_compression="png")
        lake.gray_alpha.append(encoded(png(picture(9, 12, 0), "LA"), "png"))
        lake.create_tensor("palette", htype="image", sample_compression="png")
        lake.palette.append(encoded(png(picture(9, 12, 3), "P"), "png"))
        deep = picture(12, 10, 0).astype(np.uint16) * 257 + np.arange(10, dtype=np.uint16)
        lake.create_tensor("deep_int32", htype="image", sample_compression="png")
        lake.deep_int32.append(encoded(png(deep), "png"))
        lake.create_tensor("deep_uint16", htype="image", sample_compression="png", dtype="uint16")
        lake.deep_uint16.append(deep[:, :, np.newaxis])
        lake.create_tensor("bits", htype="image", sample_compression="png")
        lake.bits.append(encoded(png(picture(12, 10, 0) > 128), "png"))
        lake.create_tensor("bits_uint8", htype="image", sample_compression="png", dtype="uint8")
        lake.bits_uint8.append(encoded(png(picture(12, 10, 0) > 128), "png"))


def raw_images(path: Path) -> None:
    """Pixels as they are: uncompressed, in lz4 samples, in lz4 chunks."""
    kinds = {
        "plain": {"sample_compression": None},
        "lz4_samples": {"sample_compression": "lz4"},
        "lz4_chunks": {"chunk_compression": "lz4"},
    }
    with new_lake(path) as lake:
        for name, kind in kinds.items():
            lake.create_tensor(name, htype="image", max_chunk_size=30_000, **kind)
            for number, size in enumerate(SIZES):
                lake[name].append(picture(*size, (1, 3, 4)[number % 3], seed=number))
            lake[name].append(None)


def equal_images(path: Path) -> None:
    """Images of one size: Deep Lake's fixed-shape rule."""
    with new_lake(path) as lake:
        lake.create_tensor("jpegs", htype="image", sample_compression="jpeg", max_chunk_size=10_000)
        lake.create_tensor("raw", htype="image", sample_compression=None, max_chunk_size=30_000)
        lake.create_tensor("lz4_chunks", htype="image", chunk_compression="lz4", max_chunk_size=30_000)
        for number in range(12):
            image = picture(24, 36, 3, seed=number)
            lake.jpegs.append(encoded(jpeg(image), "jpeg"))
            lake.raw.append(image)
            lake.lz4_chunks.append(image)


def _turned() -> bytes:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees to look at
    return exif.tobytes()
