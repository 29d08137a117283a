"""Masks of a dataset as COCO's annotations have them."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.dataset import Tensor
from penstock.errors import DatasetFormatError
from penstock.extras import import_extra
from penstock.readings import Reading

__all__ = ["are_polygons", "segmentations"]

_POLYGON_DTYPES = ("float32", "float64", "int16", "int32", "int64", "uint16", "uint32")
_ARRAY_DTYPES = ("bool", "uint8")


def are_polygons(tensor: Tensor) -> bool | None:
    """Whether a tensor of masks holds polygons; None where the native core cannot read what it holds."""
    dtype = str(tensor.dtype)
    if not Reading(tensor).is_for_core_transforms:
        return None
    if tensor.value_format is not None:
        return True if dtype in _POLYGON_DTYPES else None
    return False if dtype in _ARRAY_DTYPES else None


def segmentations(tensor: Tensor, index: int, size: tuple[int, int], count: int) -> list[Any]:
    """The masks of a sample's objects: of each a list of one polygon [x, y, x, y, ...], or its run lengths.

    Args:
        tensor: Polygons, or arrays (h, w, n).
        index: Which sample.
        size: Height and width of its image.
        count: How many objects it has.

    Raises:
        DatasetFormatError: Another number of masks, or masks of another size than the image's.
    """
    value = tensor.read(index)
    if isinstance(value, list):
        masks: list[Any] = [[np.asarray(polygon, np.float64).reshape(-1).tolist()] for polygon in value]
    else:
        masks = _run_lengths(value, size, tensor, index) if value.size else []
    if len(masks) != count:
        raise DatasetFormatError(
            f"there are {len(masks)} masks for {count} boxes", tensor=tensor.name, index=index, path=tensor.path
        )
    return masks


def _run_lengths(array: Any, size: tuple[int, int], tensor: Tensor, index: int) -> list[Any]:
    if array.ndim == 2:
        array = array[..., np.newaxis]
    if array.shape[:2] != size:
        raise DatasetFormatError(
            f"masks of {array.shape[0]} x {array.shape[1]} (height x width) for an image of {size[0]} x {size[1]}",
            tensor=tensor.name,
            index=index,
            path=tensor.path,
        )
    encode = import_extra("pycocotools.mask", "masks", "mmdet").encode
    return list(encode(np.asfortranarray(array != 0, dtype=np.uint8)))
