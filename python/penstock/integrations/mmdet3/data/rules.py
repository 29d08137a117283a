"""What becomes of a dataset's boxes, in the rules of COCO or of Pascal VOC as MMDetection 3 has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penstock.detection.annotation_table import BoxRules, coco_rules, voc_rules
from penstock.detection.source import ImageRules, Source

__all__ = ["CocoFormat", "VocFormat"]


@dataclass(frozen=True)
class CocoFormat:
    """The rules of ``CocoDataset``: crowds are ignored, and boxes that nobody could find are left out. Labels count
    the dataset's own order of classes.

    Attributes:
        name: As ``deeplake_metrics_format`` has it.
        filter_empty: Leave out images without an annotation of the classes, in training.
        min_size: Leave out images that are narrower or lower, in pixels, in training.
    """

    name = "COCO"
    filter_empty: bool = False
    min_size: int = 0

    def boxes(self, source: Source) -> BoxRules:
        """What becomes of each box of all samples."""
        labels = source.training_labels(source.used_ids)
        return BoxRules(labels, *coco_rules(source.annotations, source.sizes, labels))

    def kept(self, source: Source) -> npt.NDArray[np.int64]:
        """The samples that training keeps, int64, rising."""
        return source.kept(ImageRules(self.filter_empty, self.min_size))


@dataclass(frozen=True)
class VocFormat:
    """The rules of ``VOCDataset``: difficult objects are ignored, and small ones; no box is left out. Labels count the
    classes in the order in which they are given. The boxes are expected as MMDetection has them, who subtracts 1 from
    the coordinates in Pascal VOC's files.

    Attributes:
        name, filter_empty, min_size: As of :class:`CocoFormat`; an image whose objects are all ignored is not empty.
        box_min_size: Ignore objects that are narrower or lower, in pixels; None: none.
    """

    name = "PascalVOC"
    filter_empty: bool = False
    min_size: int = 0
    box_min_size: int | None = None

    def boxes(self, source: Source) -> BoxRules:
        """As of :class:`CocoFormat`."""
        numbers = dict(zip(source.categories.names, source.categories.ids, strict=True))
        labels = source.training_labels([numbers[name] for name in source.classes])
        return BoxRules(labels, *voc_rules(source.annotations, labels, self.box_min_size))

    def kept(self, source: Source) -> npt.NDArray[np.int64]:
        """As of :class:`CocoFormat`."""
        return source.kept(ImageRules(self.filter_empty, self.min_size))
