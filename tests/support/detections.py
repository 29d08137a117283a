"""Results of a detector that is right now and then."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["detections", "proposals", "segmented"]


def detections(dataset: Any, noise: float) -> list[list[Any]]:
    """Ground truth moved at random; some of it is missing, found twice or in a wrong class.

    Args:
        dataset: A ``CocoDataset``.
        noise: How far it is moved, in widths and heights.
    """
    return [boxes for boxes, _ in _found(dataset, noise)]


def segmented(dataset: Any, noise: float) -> list[tuple[list[Any], list[Any]]]:
    """The same with masks, as run lengths, moved by pixels; the dataset's annotations have segmentations."""
    return list(_found(dataset, noise, masks=True))


def proposals(dataset: Any, noise: float) -> list[Any]:
    """The same without classes."""
    return [np.concatenate(boxes) for boxes in detections(dataset, noise)]


def _found(dataset: Any, noise: float, *, masks: bool = False) -> Any:
    rng = np.random.default_rng(1)
    classes = len(dataset.CLASSES)
    for image_id in dataset.img_ids:
        boxes: list[list[Any]] = [[] for _ in range(classes)]
        shapes: list[list[Any]] = [[] for _ in range(classes)]
        for annotation in dataset.coco.load_anns(dataset.coco.get_ann_ids(img_ids=[image_id])):
            x, y, width, height = annotation["bbox"]
            for _ in range(int(rng.integers(0, 3))):
                label = dataset.cat2label.get(annotation["category_id"], 0)
                if rng.random() < 0.1:
                    label = int(rng.integers(classes))
                moved = rng.normal(0, noise, 4) * (width, height, width, height)
                boxes[label].append([*(np.array([x, y, x + width, y + height]) + moved), rng.random()])
                if masks:
                    shapes[label].append(_moved_mask(dataset.coco, annotation, moved))
        yield [np.array(found, np.float32).reshape(-1, 5) for found in boxes], shapes


def _moved_mask(coco: Any, annotation: Any, moved: Any) -> Any:
    from pycocotools import mask

    pixels = np.roll(coco.annToMask(annotation), (int(moved[1]), int(moved[0])), (0, 1))
    return mask.encode(np.asfortranarray(pixels))
