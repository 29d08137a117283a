"""A dataset as the list of dicts that Detectron2 trains on, and what each box becomes there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.detection.segmentations import segmentations
from penstock.detection.source import Source

__all__ = ["DatasetDicts", "enclosing", "rounded_corners"]


@dataclass(frozen=True, eq=False)
class DatasetDicts:
    """Images and annotations by Detectron2's rules: images in the order of their official numbers, classes in the order
    of theirs, and all annotations of classes that are used, crowds among them. Annotations that are marked to be
    ignored, which Detectron2 refuses, are left out.

    Attributes:
        source: The dataset.
        root: What names of files begin with, without the slash.
        box_mode: Stands for boxes of left, top, width, height in the dicts.
    """

    source: Source
    root: str
    box_mode: Any

    @cached_property
    def order(self) -> npt.NDArray[np.int64]:
        """The samples in the order of their images' numbers, int64 [samples]."""
        return np.argsort(np.array(self.source.image_ids, np.int64), kind="stable")

    @cached_property
    def class_ids(self) -> list[int]:
        """Official numbers of the classes that are used, rising: a label is a place among them."""
        return sorted(self.source.used_ids)

    @property
    def class_names(self) -> list[str]:
        """Their names."""
        names = dict(zip(self.source.categories.ids, self.source.categories.names, strict=True))
        return [names[number] for number in self.class_ids]

    @cached_property
    def labels(self) -> npt.NDArray[np.int64]:
        """The label of each box of the dataset, int64 [boxes]; -1 where it is left out."""
        labels = self.source.training_labels(self.class_ids)
        return np.where(self.source.annotations.ignored, -1, labels)

    @cached_property
    def objects(self) -> npt.NDArray[np.bool_]:
        """bool [boxes]: those that training sees. Crowds are not among them."""
        return (self.labels >= 0) & ~self.source.annotations.crowds

    @cached_property
    def with_objects(self) -> npt.NDArray[np.bool_]:
        """bool [samples]: which have an annotation that training sees."""
        offsets = self.source.annotations.offsets
        seen = np.concatenate(([0], np.cumsum(self.objects)))
        return np.asarray(seen[offsets[1:]] > seen[offsets[:-1]])

    @cached_property
    def file_names(self) -> list[str]:
        """The name of each sample's file under ``root``. No two are the same."""
        names = self.source.filenames
        if len(set(names)) < len(names):
            names = [f"{number}/{name}" for number, name in zip(self.source.image_ids, names, strict=True)]
        return [f"{self.root}/{name}" for name in names]

    def rows(self, index: int) -> npt.NDArray[np.int64]:
        """Numbers of a sample's boxes that are in its dict, int64."""
        begin, end = self.source.annotations.offsets[index : index + 2].tolist()
        rows: npt.NDArray[np.int64] = begin + np.flatnonzero(self.labels[begin:end] >= 0)
        return rows

    def image_fields(self, index: int) -> dict[str, Any]:
        """A sample's dict without its annotations."""
        height, width = self.source.sizes[index].tolist()
        return {
            "file_name": self.file_names[index],
            "height": height,
            "width": width,
            "image_id": self.source.image_ids[index],
        }

    def of(self, index: int) -> dict[str, Any]:
        """A sample's dict, as Detectron2's ``load_coco_json`` gives it of the files that the dataset was made of.

        Raises:
            DecodeError: Masks that contradict the boxes or the image.
        """
        own = self.source.annotations
        rows = self.rows(index)
        masks: list[Any] = self.masks(index)
        annotations = []
        for row in rows.tolist():
            segmentation = masks[row - int(own.offsets[index])] if masks else None
            if isinstance(segmentation, list) and not enclosing(segmentation):
                continue
            annotations.append(
                {
                    "iscrowd": int(own.crowds[row]),
                    "bbox": own.boxes[row].tolist(),
                    "category_id": int(self.labels[row]),
                    **({} if segmentation is None else {"segmentation": segmentation}),
                    "bbox_mode": self.box_mode,
                }
            )
        return {**self.image_fields(index), "annotations": annotations}

    def masks(self, index: int) -> list[Any]:
        """The masks of all a sample's boxes: of each a list of one polygon, as in the file that the dataset was made
        of, or run lengths. Empty where the dataset has no masks.
        """
        tensors, own = self.source.tensors, self.source.annotations
        name = tensors.metric_masks
        if name is None:
            return []
        height, width = self.source.sizes[index].tolist()
        count = int(own.offsets[index + 1] - own.offsets[index])
        return segmentations(self.source.dataset[name], index, (height, width), count, exact=True)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self.of(index) for index in self.order.tolist())


def enclosing(polygons: list[Any]) -> bool:
    """Whether one of an object's polygons has three points: Detectron2 leaves out objects without one."""
    return any(len(polygon) % 2 == 0 and len(polygon) >= 6 for polygon in polygons)


def rounded_corners(boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Left, top, right, bottom of boxes [n, 4] of left, top, width, height, float32: rounded before they are added, as
    Detectron2's ``BoxMode.convert`` does.
    """
    rounded = boxes.astype(np.float32)
    return np.concatenate((rounded[:, :2], rounded[:, :2] + rounded[:, 2:]), axis=1)
