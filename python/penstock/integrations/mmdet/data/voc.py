"""MMDetection's Pascal VOC dataset over the tensors of a Deep Lake dataset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from mmdet.datasets import VOCDataset

from penstock.checks import did_you_mean
from penstock.dataset import Dataset
from penstock.detection.annotation_table import BoxRules, corners_of, voc_rules
from penstock.detection.tensors import DetectionTensors
from penstock.errors import ConfigError
from penstock.integrations.mmdet.data.dataset import DeepLakeCocoDataset
from penstock.integrations.mmdet.data.voc_metrics import mean_precision, recall
from penstock.integrations.mmdet.metric_names import EVAL_MODES, check_metrics

__all__ = ["DeepLakeVOCDataset"]


class DeepLakeVOCDataset(DeepLakeCocoDataset):
    """A dataset with the annotation rules and metrics of MMDetection's ``VOCDataset``.

    Difficult objects are ignored boxes, and no box is left out. Boxes are taken as the dataset has them: where
    MMDetection reads Pascal VOC's files it subtracts 1 from their coordinates, which count from 1, and the dataset is
    expected to hold what is left.

    Args:
        source, tensors, pipeline, options: As of :class:`DeepLakeCocoDataset`.
        min_size: In training, objects narrower or lower than so many pixels are ignored.
        eval_mode: How precision is averaged: "11points" as in VOC2007, "area" as in VOC2012.

    Raises:
        ConfigError: As there; or an unknown ``eval_mode``, or ``min_size`` in testing.
    """

    METRICS_FORMAT = "PascalVOC"
    PALETTE = VOCDataset.PALETTE

    def __init__(
        self,
        source: Dataset,
        tensors: DetectionTensors,
        pipeline: Sequence[Any],
        *,
        min_size: float | None = None,
        eval_mode: str = "11points",
        **options: Any,
    ) -> None:
        if min_size and options.get("test_mode"):
            raise ConfigError(f"min_size={min_size!r} is for training: in testing all objects count")
        self.min_size = min_size
        self.eval_mode = _checked_mode(eval_mode)
        super().__init__(source, tensors, pipeline, **options)

    def load_annotations(self, ann_file: str) -> list[dict[str, Any]]:
        """As there; but labels go by the order of the classes that are used, not by that of all."""
        infos = super().load_annotations(ann_file)
        categories = self.detection_source.categories
        numbers = dict(zip(categories.names, categories.ids, strict=True))
        self.cat_ids = [numbers[name] for name in self.CLASSES or ()]
        self.cat2label = {number: label for label, number in enumerate(self.cat_ids)}
        return infos

    def get_ann_info(self, idx: int) -> dict[str, Any]:
        """Boxes, labels, ignored boxes and their labels of an item; its masks where the pipeline loads them."""
        info = self.data_infos[idx]
        rows = slice(*self.annotations.offsets[info["index"] : info["index"] + 2])
        labels, kept, ignored = (values[rows] for values in self.box_rules)
        corners = corners_of(self.annotations.boxes[rows])
        found = {
            "bboxes": corners[kept],
            "labels": labels[kept],
            "bboxes_ignore": corners[ignored],
            "labels_ignore": labels[ignored],
        }
        if self.tensors.gt_masks is not None:
            masks = self.detection_source.segmentations(info["index"], self.tensors.gt_masks, len(labels))
            found["masks"] = [masks[row] for row in np.flatnonzero(kept)]
        return found

    def get_cat_ids(self, idx: int) -> list[int]:
        """Labels of an item's objects, difficult ones included."""
        index = self.data_infos[idx]["index"]
        rows = slice(*self.annotations.offsets[index : index + 2])
        labels: list[int] = self.box_rules.labels[rows].tolist()
        return [label for label in labels if label >= 0]

    def prepare_metrics(self, metrics: str | Iterable[str] | None) -> None:
        """As there."""
        check_metrics(metrics, self.METRICS_FORMAT)
        _ = self.annotations

    def evaluate(
        self,
        results: list[Any],
        metric: str | Sequence[str] | None = "mAP",
        logger: Any = None,
        proposal_nums: Sequence[int] = (100, 300, 1000),
        iou_thr: float | Sequence[float] = 0.5,
        scale_ranges: Any = None,
        eval_mode: str | None = None,
    ) -> dict[str, float]:
        """Pascal VOC's metrics; see MMDetection's ``VOCDataset.evaluate``.

        Args:
            results: Of each image the detections of each class; proposals for "recall".
            metric: "mAP", "recall", or both.
            logger: Where tables go.
            proposal_nums: For "recall".
            iou_thr: One threshold, or several.
            scale_ranges: Not used, as there.
            eval_mode: In place of the dataset's.

        Raises:
            ConfigError: A metric or mode that does not exist, results that do not fit the metric.
        """
        mode = self.eval_mode if eval_mode is None else _checked_mode(eval_mode)
        annotations = [self.get_ann_info(index) for index in range(len(self))]
        thresholds = [iou_thr] if isinstance(iou_thr, int | float) else list(iou_thr)
        found: dict[str, float] = {}
        for name in check_metrics(metric, self.METRICS_FORMAT, "metric"):
            if name == "mAP":
                found |= mean_precision(results, annotations, self.CLASSES, thresholds, mode, logger)
            else:
                found |= recall(results, annotations, proposal_nums, thresholds, logger)
        return found

    def _box_rules(self, labels: Any) -> BoxRules:
        return BoxRules(labels, *voc_rules(self.annotations, labels, self.min_size))


def _checked_mode(eval_mode: str) -> str:
    if eval_mode not in EVAL_MODES:
        raise ConfigError(f"eval_mode: there is no '{eval_mode}'", hint=did_you_mean(str(eval_mode), EVAL_MODES))
    return eval_mode
