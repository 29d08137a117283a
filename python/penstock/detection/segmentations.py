"""Masks of a dataset as COCO's annotations have them."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.dataset import Tensor
from penstock.detection.boxes import exact_decimals
from penstock.errors import DecodeError
from penstock.extras import import_extra

__all__ = ["are_polygons", "run_lengths", "segmentations"]

_POLYGON_DTYPES = ("float32", "float64", "int16", "int32", "int64", "uint16", "uint32")
_ARRAY_DTYPES = ("bool", "uint8")


def are_polygons(tensor: Tensor) -> bool | None:
    """Whether a tensor of masks holds polygons; None where the native core cannot read what it holds."""
    dtype = str(tensor.dtype)
    if not tensor.serves_core_transforms("numpy"):
        return None
    if tensor.value_format is not None:
        return True if dtype in _POLYGON_DTYPES else None
    return False if dtype in _ARRAY_DTYPES else None


def segmentations(
    tensor: Tensor, index: int, size: tuple[int, int], count: int, *, exact: bool = False
) -> list[Any]:
    """The masks of a sample's objects: of each a list of one polygon [x, y, x, y, ...], or its run lengths.

    Args:
        tensor: Polygons, or arrays (h, w, n).
        index: Which sample.
        size: Height and width of its image.
        count: How many objects it has.
        exact: Polygons are those that the dataset was made of, before they were rounded to float32.

    Raises:
        DecodeError: Another number of masks, or masks of another size than the image's.
    """
    value = _masks(tensor, index, count)
    if isinstance(value, list):
        polygons = [exact_decimals(np.asarray(one)) if exact else np.asarray(one, np.float64) for one in value]
        return [[polygon.reshape(-1).tolist()] for polygon in polygons]
    return _encoded(value, size, tensor, index) if count else []


def run_lengths(tensor: Tensor, index: int, size: tuple[int, int], count: int) -> list[Any]:
    """The masks of a sample's objects as COCO's metrics compare them: the compressed run lengths of each.

    Polygons are those that the dataset was made of, before they were rounded to float32, and filled as COCO's tools
    fill them. Arguments and errors as of :func:`segmentations`.

    Raises:
        DecodeError: As above, or an outline of less than three points.
    """
    value = _masks(tensor, index, count)
    if not isinstance(value, list):
        return _encoded(value, size, tensor, index) if count else []
    outlines = [exact_decimals(np.asarray(polygon)).reshape(-1).tolist() for polygon in value]
    short = next((outline for outline in outlines if len(outline) < 6 or len(outline) % 2), None)
    if short is not None:
        raise _wrong(f"an outline of {len(short) // 2} points encloses nothing", tensor, index)
    return list(_coco_masks().frPyObjects(outlines, *size)) if outlines else []


def _masks(tensor: Tensor, index: int, count: int) -> Any:
    """A list of polygons [points, 2], or an array (h, w, n), of as many masks as there are objects."""
    if index >= len(tensor):
        if count:
            raise _wrong(f"there are no masks for {count} boxes: the tensor has {len(tensor)} samples", tensor, index)
        return []
    value = tensor.read(index)
    if isinstance(value, list):
        found = len(value)
    else:
        value = value[..., np.newaxis] if value.ndim == 2 else value
        found = value.shape[-1] if value.size else 0
    if found != count:
        raise _wrong(f"there are {found} masks for {count} boxes", tensor, index)
    return value


def _encoded(array: Any, size: tuple[int, int], tensor: Tensor, index: int) -> list[Any]:
    if array.shape[:2] != size:
        got = f"masks of {array.shape[0]} x {array.shape[1]} (height x width)"
        raise _wrong(f"{got} for an image of {size[0]} x {size[1]}", tensor, index)
    return list(_coco_masks().encode(np.asfortranarray(array != 0, dtype=np.uint8)))


def _wrong(cause: str, tensor: Tensor, index: int) -> DecodeError:
    hint = "The sample is damaged: replace it, or leave it out."
    return DecodeError(cause, tensor=tensor.name, index=index, path=tensor.path, hint=hint)


def _coco_masks() -> Any:
    return import_extra("pycocotools.mask", "masks", "mmdet")
