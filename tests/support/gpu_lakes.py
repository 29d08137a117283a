"""Datasets of tests/gpu, which are also written for machines that have a GPU and no deeplake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support.images import jpeg, picture
from support.lake import encoded, new_lake
from support.structure_datasets import sequences

__all__ = ["GPU_LAKES", "IMAGES", "SIDES"]

#: How many images each tensor of ``large_images`` has, and how large those of equal size are.
IMAGES = 32
SIDES = (256, 384)


def large_images(path: Path) -> None:
    """JPEGs large enough that copying a batch takes a while: of equal size, and of others; a label each."""
    height, width = SIDES
    with new_lake(path) as lake:
        for name in ("equal", "unequal"):
            lake.create_tensor(name, htype="image", sample_compression="jpeg", max_chunk_size=400_000)
        lake.create_tensor("labels", htype="class_label")
        for number in range(IMAGES):
            lake.equal.append(encoded(jpeg(picture(height, width, 3, seed=number), quality=60), "jpeg"))
            size = (height - 3 * number, width - 5 * (number % 7))
            lake.unequal.append(encoded(jpeg(picture(*size, 3, seed=number), quality=60), "jpeg"))
            lake.labels.append(number)


#: By name, each with what writes it.
GPU_LAKES: dict[str, Callable[[Path], None]] = {maker.__name__: maker for maker in (large_images, sequences)}
