"""LoadImage and LoadAnnotations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from penstock.detection.reference.results import Array, Results, Wrappers, refuse
from penstock.detection.steps import LoadAnnotations, LoadImage
from penstock.errors import DecodeError
from penstock.extras import import_extra
from penstock.format.limits import check_pixel_count

__all__ = ["bitmap_of", "load_annotations", "load_image"]


def load_image(step: LoadImage, results: Results) -> Results:
    """Notes what is known of the image that the loader decoded into ``img``, in the colour of the step."""
    if results.get("img") is None:
        refuse(step, "there is no image in the results")
    image = results["img"]
    if 0 in image.shape:
        text = " x ".join(map(str, image.shape))
        raise DecodeError(f"the image is empty ({text})", hint="Replace the sample, or leave it out")
    check_pixel_count(image.shape)
    if step.to_float32:
        image = image.astype(np.float32)
    if "img_info" in results:
        results["filename"] = results["ori_filename"] = results["img_info"]["filename"]
    results["img"] = image
    results["img_shape"] = results["ori_shape"] = image.shape
    results["img_fields"] = ["img"]
    return results


def load_annotations(step: LoadAnnotations, results: Results, wrappers: Wrappers) -> Results:
    """Takes boxes, labels and masks from the framework's annotations, which keep their own."""
    annotations = wrappers.annotations(results, step)
    if "ignore_flags" in annotations and (step.with_bbox or step.with_mask):
        results["gt_ignore_flags"] = annotations["ignore_flags"].copy()
    if step.with_bbox:
        _load_boxes(step, results, annotations)
    if step.with_label:
        results["gt_labels"] = annotations["labels"].copy()
    if step.with_mask:
        height, width = annotations["size"]
        if step.poly2mask:
            bitmaps = [bitmap_of(mask, height, width) for mask in annotations["masks"]]
            results["gt_masks"] = wrappers.bitmap_masks(bitmaps, height, width)
        else:
            polygons = [_sound_polygons(mask) for mask in annotations["masks"]]
            results["gt_masks"] = wrappers.polygon_masks(polygons, height, width)
        results["mask_fields"] = [*results["mask_fields"], "gt_masks"]
    return results


def _load_boxes(step: LoadAnnotations, results: Results, annotations: Mapping[str, Any]) -> None:
    boxes = annotations["bboxes"].copy()
    if step.denorm_bbox and len(boxes):
        height, width = results["img_shape"][:2]
        boxes[:, 0::2] *= width
        boxes[:, 1::2] *= height
    results["gt_bboxes"] = boxes
    ignored = annotations.get("bboxes_ignore")
    if ignored is not None:
        results["gt_bboxes_ignore"] = ignored.copy()
        results["bbox_fields"] = [*results["bbox_fields"], "gt_bboxes_ignore"]
    # A new list: views of test-time augmentation share what was loaded before them.
    results["bbox_fields"] = [*results["bbox_fields"], "gt_bboxes"]
    groups = annotations.get("gt_is_group_ofs")
    if groups is not None:
        results["gt_is_group_ofs"] = groups.copy()


def bitmap_of(mask: Any, height: int, width: int) -> Array:
    """Of COCO's polygons of one object, or its run lengths, compressed or not; uint8 (h, w)."""
    coco = import_extra("pycocotools.mask", "drawing masks", "mmdet")
    if isinstance(mask, list):
        mask = coco.merge(coco.frPyObjects(mask, height, width))
    elif isinstance(mask["counts"], list):
        mask = coco.frPyObjects(mask, height, width)
    bitmap: Array = coco.decode(mask)
    return bitmap


def _sound_polygons(polygons: list[Any]) -> list[Array]:
    """Those of at least three points."""
    arrays = [np.array(polygon) for polygon in polygons]
    return [array for array in arrays if len(array) % 2 == 0 and len(array) >= 6]
