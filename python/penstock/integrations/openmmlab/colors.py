"""What MMDetection's ways to load an image mean for decoding."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.loading.program import Color

__all__ = ["COLOR_TYPES", "in_order_of_opencv"]

#: What each color_type decodes to; None: as channel_order says, which OpenCV looks at there alone; version 3 has "bgr".
#: MMDetection turns "color" and "grayscale" by their EXIF orientation; Deep Lake has the image as its index and boxes
#: have it, not turned.
COLOR_TYPES: dict[str, Color | None] = {
    "color": None,
    "color_ignore_orientation": "bgr",
    "grayscale": "gray",
    "grayscale_ignore_orientation": "gray",
    "unchanged": "native",
}


def in_order_of_opencv(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """An image as it is stored (gray, gray with alpha, RGB or RGBA) as (h, w), BGR or BGRA."""
    channels = 1 if image.ndim == 2 else image.shape[2]
    if channels == 1:
        return image.reshape(image.shape[:2])
    order = {2: [0, 0, 0, 1], 3: [2, 1, 0], 4: [2, 1, 0, 3]}.get(channels)
    return image if order is None else np.ascontiguousarray(image[:, :, order])
