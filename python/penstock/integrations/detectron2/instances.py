"""Annotations of an image as Detectron2's Instances."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pycocotools.mask as coco_masks
import torch
from detectron2.data import detection_utils
from detectron2.structures import BitMasks, Boxes, Instances, PolygonMasks, polygons_to_bitmask

from penstock.detection.boxes import exact_decimals
from penstock.detection.dataset_dicts import DatasetDicts, enclosing, rounded_corners
from penstock.detection.reference.image_moves import Cropped, Move, points_after
from penstock.integrations.detectron2.mapper_settings import MapperSettings
from penstock.integrations.detectron2.transforms import transform_list
from penstock.loading.native.part import NativeMasks, NativeSample

__all__ = ["Objects", "core_objects", "moved_instances", "read_objects"]

#: Detectron2 leaves out boxes that are not wider and higher than so many pixels.
_LEAST_EXTENT = 1e-5


@dataclass(frozen=True)
class Objects:
    """What training sees of an image's annotations, before anything has moved.

    Attributes:
        corners: float32 [n, 4]: left, top, right, bottom.
        labels: int64 [n].
        masks: Of each object a list of polygons, run lengths, or a bitmap uint8 [h, w]; none where there are none.
    """

    corners: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    masks: list[Any]


def read_objects(part: DatasetDicts, index: int, *, masks: bool) -> Objects:
    """The objects of a sample, read from the dataset.

    Raises:
        DecodeError: Masks that contradict the boxes or the image.
    """
    own = part.source.annotations
    rows = part.rows(index)
    rows = rows[part.objects[rows]]
    all_masks = part.masks(index) if masks and len(rows) else []
    found = [all_masks[row] for row in (rows - own.offsets[index]).tolist()] if all_masks else []
    return _sound(Objects(rounded_corners(own.boxes[rows]), part.labels[rows], found))


def core_objects(sample: NativeSample, *, rounded: bool) -> Objects | None:
    """The objects that the core has read; None where it has read none.

    Args:
        sample: The sample.
        rounded: Polygons were rounded to float32 when the dataset was written.
    """
    if sample.boxes is None or sample.labels is None:
        return None
    return _sound(Objects(sample.boxes, sample.labels, _list_of_masks(sample.masks, rounded)))


def _list_of_masks(masks: NativeMasks | None, rounded: bool) -> list[Any]:
    if masks is None:
        return []
    if masks.bitmaps is not None:
        return list(masks.bitmaps)
    assert masks.polygons is not None
    flat = [polygon for polygons in masks.polygons for polygon in polygons]
    if rounded and flat:
        flat = _parted(exact_decimals(np.concatenate(flat).astype(np.float32)), flat)
    remaining = iter(flat)
    return [[next(remaining) for _ in polygons] for polygons in masks.polygons]


def _parted(values: npt.NDArray[np.float64], like: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[np.float64]]:
    """The values, cut into arrays as long as those that they were joined of."""
    ends = list(itertools.accumulate(len(one) for one in like))
    return [values[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def _sound(objects: Objects) -> Objects:
    """Without those whose polygons enclose nothing."""
    kept = [not isinstance(mask, list) or enclosing(mask) for mask in objects.masks]
    if all(kept):
        return objects
    masks = [mask for mask, keep in zip(objects.masks, kept, strict=True) if keep]
    return Objects(objects.corners[kept], objects.labels[kept], masks)


def moved_instances(objects: Objects, done: Sequence[Any], size: tuple[int, int], settings: MapperSettings) -> Any:
    """The objects where their image has gone, those that end up empty left out.

    Boxes are moved in doubles and rounded to float32 once, as Detectron2 does it one by one.

    Args:
        objects: As they are stored.
        done: What was done to the image: moves, and transforms of Detectron2's.
        size: Height and width of the image now.
        settings: The mapper's.
    """
    height, width = size
    boxes = np.minimum(_moved_boxes(objects.corners, done).clip(min=0), [width, height, width, height])
    instances = Instances(size)
    instances.gt_boxes = Boxes(boxes)
    instances.gt_classes = torch.tensor(objects.labels.tolist(), dtype=torch.int64)
    if objects.masks:
        instances.gt_masks = _moved_masks(objects.masks, done, size, settings.instance_mask_format)
        if settings.recompute_boxes:
            instances.gt_boxes = instances.gt_masks.get_bounding_boxes()
    extents = instances.gt_boxes.tensor.numpy()
    extents = extents[:, 2:] - extents[:, :2]
    stay = not objects.masks or _outlines_stay(objects.masks, done, settings)
    if stay and (extents > _LEAST_EXTENT).all():
        # As usual nothing is empty, which is faster seen than looked for by Detectron2.
        return instances
    return detection_utils.filter_empty_instances(instances, box_threshold=_LEAST_EXTENT)


def _outlines_stay(masks: list[Any], done: Sequence[Any], settings: MapperSettings) -> bool:
    """Whether each object has its polygons still, whatever they cover."""
    polygons = settings.instance_mask_format == "polygon" and all(isinstance(mask, list) for mask in masks)
    return polygons and _are_moves(done) and not any(isinstance(one, Cropped) for one in done)


def _are_moves(done: Sequence[Any]) -> bool:
    return all(isinstance(one, Move) for one in done)


def _moved_boxes(corners: npt.NDArray[np.float32], done: Sequence[Any]) -> npt.NDArray[np.float64]:
    boxes = corners.astype(np.float64)
    if not len(boxes):
        return boxes
    if not _are_moves(done):
        moved: npt.NDArray[np.float64] = transform_list(done).apply_box(boxes)
        return moved
    points = points_after(done, boxes.reshape(-1, 2)).reshape(-1, 2, 2)
    return np.concatenate((points.min(axis=1), points.max(axis=1)), axis=1)


def _moved_masks(masks: list[Any], done: Sequence[Any], size: tuple[int, int], mask_format: str) -> Any:
    moved = _moved_at_once(masks, done) or _moved_one_by_one(masks, transform_list(done))
    if mask_format == "polygon":
        return PolygonMasks(moved)
    bitmaps = [polygons_to_bitmask(mask, *size) if isinstance(mask, list) else mask for mask in moved]
    return BitMasks(torch.stack([torch.from_numpy(np.ascontiguousarray(bitmap)) for bitmap in bitmaps]))


def _moved_at_once(masks: list[Any], done: Sequence[Any]) -> list[Any] | None:
    """Polygons that are moved as points are; None where they are cut, or where there are others than polygons."""
    if not _are_moves(done) or any(isinstance(one, Cropped) for one in done):
        return None
    if not all(isinstance(mask, list) for mask in masks):
        return None
    flat = [np.asarray(polygon, np.float64) for mask in masks for polygon in mask]
    points = points_after(done, np.concatenate(flat).reshape(-1, 2)).reshape(-1)
    parts = iter(_parted(points, flat))
    return [[next(parts) for _ in mask] for mask in masks]


def _moved_one_by_one(masks: list[Any], transforms: Any) -> list[Any]:
    return [_moved_mask(mask, transforms) for mask in masks]


def _moved_mask(mask: Any, transforms: Any) -> Any:
    if isinstance(mask, list):
        points = [np.array(polygon, np.float64).reshape(-1, 2) for polygon in mask]
        return [polygon.reshape(-1) for polygon in transforms.apply_polygons(points)]
    bitmap = coco_masks.decode(mask) if isinstance(mask, dict) else mask
    return transforms.apply_segmentation(bitmap)
