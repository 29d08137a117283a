"""MMDetection 3's metrics over the annotations of a Deep Lake dataset, without a json file."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from mmdet.datasets.api_wrappers import COCO
from mmdet.evaluation import CocoMetric, VOCMetric

from penstock.detection.coco_index import add_areas, add_segmentations, coco_index
from penstock.detection.tensors import masks_for_metrics
from penstock.errors import ConfigError
from penstock.integrations.mmdet3.data.dataset import DeepLakeDetDataset
from penstock.integrations.mmdet3.data.wrappers import leaves_of

__all__ = ["attach_truth", "completed_evaluator"]

logger = logging.getLogger("penstock")

_DEFAULTS = {"COCO": {"type": "CocoMetric", "metric": "bbox"}, "PascalVOC": {"type": "VOCMetric", "metric": "mAP"}}
_KINDS = {"COCO": "CocoMetric", "PascalVOC": "VOCMetric"}


def completed_evaluator(evaluator: Any, metrics_format: str, where: str) -> Any:
    """The configuration of an evaluator that does without annotation files.

    Args:
        evaluator: As configured; None: the metric of the format.
        metrics_format: "COCO" or "PascalVOC".
        where: Its key, for messages.

    Returns:
        A copy, in which a ``CocoMetric`` has no ``ann_file``.

    Raises:
        ConfigError: A metric of the other format.
    """
    if evaluator is None:
        return dict(_DEFAULTS[metrics_format])
    if isinstance(evaluator, (list, tuple)):
        return [completed_evaluator(one, metrics_format, where) for one in evaluator]
    if not isinstance(evaluator, Mapping):
        return evaluator
    completed = copy.deepcopy(dict(evaluator))
    kind = completed.get("type")
    for name, metric in _KINDS.items():
        if kind == metric and name != metrics_format:
            raise ConfigError(
                f"{where}: '{metric}' is a metric of deeplake_metrics_format='{name}', not of '{metrics_format}'",
                hint=f"Use dict(type='{_KINDS[metrics_format]}')",
            )
    if kind == "CocoMetric" and completed.pop("ann_file", None) is not None:
        logger.info("%s: ann_file is not used: the annotations are those of the Deep Lake dataset", where)
    return completed


def attach_truth(metrics: Iterable[Any], dataset: Any, where: str) -> None:
    """Gives metrics the annotations of a dataset.

    Args:
        metrics: MMDetection's metrics.
        dataset: The dataset of validation: a :class:`DeepLakeDetDataset`, or a wrapper around such.
        where: The evaluator's key, for messages.

    Raises:
        ConfigError: A metric that the dataset cannot give, or several datasets.
        DatasetFormatError: Tensors that contradict each other.
    """
    for metric in metrics:
        if isinstance(metric, CocoMetric) and metric._coco_api is None:
            metric._coco_api = _truth(_only_leaf(dataset, where), metric.metrics)
        elif type(metric) is VOCMetric:
            # Read now: contradictions show.
            _ = _only_leaf(dataset, where).detection_source.annotations


def _truth(leaf: DeepLakeDetDataset, names: Iterable[str]) -> Any:
    source = leaf.detection_source
    if leaf.tensors.gt_bboxes is None:
        raise ConfigError("metrics need boxes and labels, and the dataset has none", path=source.path)
    masks = masks_for_metrics(leaf.source, leaf.tensors) if "segm" in names else None
    coco = coco_index(COCO, source, source.coco_images(leaf.indices.tolist()))
    add_areas(coco, source)
    if masks is not None:
        add_segmentations(coco, source, masks)
    return coco


def _only_leaf(dataset: Any, where: str) -> DeepLakeDetDataset:
    leaves = leaves_of(dataset)
    if len(leaves) != 1:
        raise ConfigError(
            f"{where}: metrics are of one dataset, and there are {len(leaves)}",
            hint="Validate on one, or give the metric an ann_file of all",
        )
    return leaves[0]
