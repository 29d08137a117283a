"""OpenCV, and what mmcv does with it."""

from __future__ import annotations

from functools import cache
from typing import Any

from penstock.detection.reference.results import Array, refuse
from penstock.extras import import_extra

__all__ = ["opencv", "pad", "rescaled_size", "resize"]


@cache
def opencv() -> Any:
    """The module cv2."""
    return import_extra("cv2", "transforming images in Python", "mmdet")


def rescaled_size(size: tuple[int, int], scale: tuple[float, float] | float) -> tuple[int, int]:
    """The largest size of the same shape that fits into ``scale``, or ``size`` times ``scale``; all (width, height)."""
    width, height = size
    if isinstance(scale, tuple):
        factor = min(max(scale) / max(height, width), min(scale) / min(height, width))
    else:
        factor = scale
    return int(width * float(factor) + 0.5), int(height * float(factor) + 0.5)


def resize(step: object, image: Array, size: tuple[int, int], *, nearest: bool = False) -> Array:
    """The image in another size (width, height).

    Raises:
        TransformError: A size without pixels.
    """
    if size[0] < 1 or size[1] < 1:
        height, width = image.shape[:2]
        refuse(step, f"an image of {height} x {width} would become one of {size[1]} x {size[0]} (height x width)")
    cv2 = opencv()
    resized: Array = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR)
    return resized


def pad(image: Array, size: tuple[int, int], value: float | tuple[float, ...]) -> Array:
    """The image with pixels added on the right and below, up to ``size`` (height, width).

    ``value``: as OpenCV takes it: one number is the first channel's, and the others get 0.
    """
    cv2 = opencv()
    below, right = (max(wanted - extent, 0) for wanted, extent in zip(size, image.shape, strict=False))
    if isinstance(value, tuple) and len(value) != image.shape[-1]:
        raise ValueError(f"{len(value)} values do not fill {image.shape[-1]} channels")
    padded: Array = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT, value=value)
    return padded
