"""Pillow, and what Detectron2 does with it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from penstock.detection.reference.results import Array, refuse
from penstock.extras import import_extra

__all__ = ["resize"]


@cache
def _pillow() -> Any:
    return import_extra("PIL.Image", "resizing images as Pillow does", "python")


def resize(step: object, image: Array, size: tuple[int, int], *, nearest: bool = False) -> Array:
    """The image, uint8 [height, width] or [height, width, channels], in another size (height, width): by Pillow's
    BILINEAR, which takes the mean of all pixels that a smaller image's pixel covers, or its NEAREST.

    Raises:
        TransformError: Another type of pixels.
    """
    if image.dtype != np.uint8:
        refuse(step, f"the image is {image.dtype}, not uint8")
    pillow = _pillow()
    how = pillow.Resampling.NEAREST if nearest else pillow.Resampling.BILINEAR
    single = image.ndim == 3 and image.shape[2] == 1
    made = pillow.fromarray(np.ascontiguousarray(image[..., 0] if single else image))
    resized: Array = np.asarray(made.resize((size[1], size[0]), how))
    return resized[..., None] if single else resized
