"""The pixels of COCO's segmentations, as its own tools fill them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.extras import import_extra

__all__ = ["decoded", "filled", "object_bitmap", "points_of"]

#: float64 [points, 2] of x, y.
Polygon = npt.NDArray[np.float64]


def object_bitmap(segmentation: Any, box: Sequence[float], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """The pixels of an object: uint8 [height, width] of 0 and 1, the same that COCO's metrics compare.

    Args:
        segmentation: A list of polygons [x, y, x, y, ...], of which those of fewer than three points enclose nothing; a
            run-length encoding, compressed or not; or None.
        box: Left, top, width, height: what is filled where there is no segmentation.
        size: Height and width of the image.

    Raises:
        ValueError: A segmentation that is none of these, or of an image of another size.
    """
    if isinstance(segmentation, dict):
        bitmap = decoded(segmentation)
        if bitmap.shape != size:
            raise ValueError(f"a run-length encoding of {bitmap.shape} pixels in an image of {size} (height, width)")
        return bitmap
    if segmentation is None:
        left, top, width, height = box
        segmentation = [[left, top, left + width, top, left + width, top + height, left, top + height]]
    return filled([part for part in map(points_of, _parts(segmentation)) if len(part) >= 3], size)


def points_of(part: Any) -> Polygon:
    """A part [x, y, x, y, ...] of a segmentation. Raises ValueError where it is none."""
    if not isinstance(part, list) or len(part) % 2:
        raise ValueError("a polygon is a list of x and y in turn")
    return np.array(part, np.float64).reshape(-1, 2)


def filled(parts: Sequence[Polygon], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """The pixels that any of some polygons covers: uint8 [height, width]."""
    if not parts:
        return np.zeros(size, np.uint8)
    masks = _masks()
    return _decode(masks.merge(masks.frPyObjects([part.reshape(-1).tolist() for part in parts], *size)))


def decoded(segmentation: dict[str, Any]) -> npt.NDArray[np.uint8]:
    """The pixels of a run-length encoding: uint8 [height, width]. Raises ValueError for one that is not sound."""
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if not isinstance(size, list) or len(size) != 2 or not _are_counts(size):
        raise ValueError(f"a run-length encoding has the size {size!r}")
    if isinstance(counts, list):
        if not _are_counts(counts) or sum(counts) != size[0] * size[1]:
            raise ValueError(f"a run-length encoding does not cover its image of {size} pixels")
        return _decode(_masks().frPyObjects(segmentation, *size))
    if not isinstance(counts, str):
        raise ValueError("a run-length encoding has no 'counts'")
    return _decode(segmentation)


def _parts(segmentation: Any) -> list[Any]:
    if not isinstance(segmentation, list):
        raise ValueError(f"a segmentation is a list or an object, not {segmentation!r}")
    return segmentation


def _are_counts(values: list[Any]) -> bool:
    return all(isinstance(value, int) and value >= 0 for value in values)


def _decode(run_lengths: Any) -> npt.NDArray[np.uint8]:
    bitmap: npt.NDArray[np.uint8] = _masks().decode(run_lengths)
    return bitmap


def _masks() -> Any:
    return import_extra("pycocotools.mask", "reading segmentations", "ingest")
