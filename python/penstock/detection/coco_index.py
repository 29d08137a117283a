"""The annotations of a dataset as pycocotools' index, which COCO's metrics are computed from."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from penstock.detection.segmentations import run_lengths
from penstock.detection.source import Source
from penstock.extras import import_extra

__all__ = ["add_areas", "add_segmentations", "coco_index"]

logger = logging.getLogger("penstock")

#: A framework's facts on an image: "id", "index", "height", "width".
_Info = Mapping[str, Any]


def coco_index(make: Callable[[], Any], source: Source, infos: Iterable[_Info]) -> Any:
    """The index of some images, without segmentations.

    Args:
        make: Gives an empty one: pycocotools' ``COCO``, or a framework's class that inherits from it.
        source: The dataset.
        infos: The images.
    """
    images = [dict(info) for info in infos]
    coco = make()
    coco.dataset = {
        "images": images,
        "annotations": [row for info in images for row in source.coco_annotations(info["index"])],
        "categories": [
            {"id": number, "name": name}
            for number, name in zip(source.categories.ids, source.categories.names, strict=True)
        ],
    }
    # pycocotools prints its progress.
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    coco.img_ann_map, coco.cat_img_map = coco.imgToAnns, coco.catToImgs
    return coco


def add_areas(coco: Any, source: Source) -> None:
    """Gives objects the areas that their masks have, where the dataset has masks and no tensor of areas.

    An object's area decides whether COCO's metrics count it as small, medium or large. Says once where it comes from.
    """
    if source.tensors.area is not None:
        return
    if source.tensors.metric_masks is None:
        logger.warning("%s has no tensor of areas: those of the boxes are taken for COCO's metrics", source.path)
        return
    logger.warning("%s has no tensor of areas: those of the masks are taken for COCO's metrics", source.path)
    add_segmentations(coco, source, source.tensors.metric_masks)
    area = import_extra("pycocotools.mask", "masks", "mmdet").area
    for annotation in coco.dataset["annotations"]:
        annotation["area"] = float(area(annotation["segmentation"]))


def add_segmentations(coco: Any, source: Source, masks: str) -> None:
    """Gives each annotation its "segmentation", where that has not been done yet.

    All are run lengths: pycocotools would make them of polygons in the first evaluation, and keep them; they take a
    fraction of the memory.

    Args:
        coco: From :func:`coco_index`.
        source: The dataset.
        masks: Its tensor of masks.

    Raises:
        DecodeError: Masks that contradict boxes or images.
    """
    tensor, annotations = source.dataset[masks], coco.dataset["annotations"]
    if not annotations or "segmentation" in annotations[-1]:
        return
    for info in coco.dataset["images"]:
        rows = coco.imgToAnns.get(info["id"], [])
        found = run_lengths(tensor, info["index"], (info["height"], info["width"]), len(rows))
        for annotation, segmentation in zip(rows, found, strict=True):
            annotation["segmentation"] = segmentation
