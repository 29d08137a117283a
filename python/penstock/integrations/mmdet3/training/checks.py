"""What of a run does not fit together, found before it starts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from mmdet.datasets.transforms import PackDetInputs
from mmdet.evaluation import CocoMetric, VOCMetric
from mmdet.models import TwoStageDetector
from mmdet.models.backbones import SSDVGG
from mmdet.models.dense_heads import GARPNHead, RPNHead
from mmdet.models.roi_heads.mask_heads import FusedSemanticHead
from mmdet.models.seg_heads.base_semantic_head import BaseSemanticHead
from mmengine.model import is_model_wrapper

from penstock.errors import ConfigError
from penstock.integrations.mmdet3.data.dataset import DeepLakeDetDataset
from penstock.integrations.mmdet3.data.wrappers import leaves_of
from penstock.integrations.mmdet3.detection_loader import DetectionLoader
from penstock.integrations.mmdet3.pipeline.transforms import loads_annotations, within
from penstock.integrations.openmmlab.class_checks import check_heads, check_same_classes

__all__ = ["check_evaluated", "check_switches", "check_trained"]

_TRAIN = "train_dataloader.dataset"
_CHOOSE = "metainfo=dict(classes=(...))"
#: Modules whose num_classes are not the dataset's: objectness, a backbone's own, stuff.
_OTHER_CLASSES = (RPNHead, GARPNHead, SSDVGG, FusedSemanticHead, BaseSemanticHead)
#: Heads that find what a text names.
_OF_TEXTS = frozenset({"ATSSVLFusionHead", "GroundingDINOHead", "YOLOWorldHead"})


def check_trained(model: torch.nn.Module, loader: Any) -> None:
    """Compares a detector with what it is trained on.

    Raises:
        ConfigError: A head for another number of classes than the dataset has, or a pipeline that is one of testing, or
            ends without ``PackDetInputs``.
        DatasetFormatError: A label without a class, or tensors that contradict each other, by sample.
    """
    if not isinstance(loader, DetectionLoader):
        return
    for leaf in leaves_of(loader.dataset):
        if leaf.test_mode:
            raise ConfigError(f"{_TRAIN} has test_mode=True, which is for validation", path=leaf.source.path)
        if not loads_annotations(leaf.transforms):
            raise ConfigError(
                f"{_TRAIN}: the pipeline loads no annotations", hint="Add dict(type='LoadAnnotations', with_bbox=True)"
            )
        # Else read with the first batch, where no image was to be filtered.
        _ = leaf.detection_source.annotations
    _check_packs(loader, _TRAIN)
    inner: Any = model.module if is_model_wrapper(model) else model
    if not _OF_TEXTS & {type(module).__name__ for module in inner.modules()}:
        check_heads(inner, loader.classes, _OTHER_CLASSES, _TRAIN, _CHOOSE)


def check_switches(hooks: Iterable[Any], loader: Any) -> None:
    """Looks at the pipelines that hooks will put in the place of the first one.

    Raises:
        ConfigError: One that cannot take its place.
    """
    for hook in hooks:
        steps = getattr(hook, "switch_pipeline", None)
        if steps and isinstance(loader, DetectionLoader) and isinstance(loader.dataset, DeepLakeDetDataset):
            try:
                loader.dataset.check_pipeline(steps)
            except ConfigError as error:
                name = type(hook).__name__
                raise ConfigError(f"{name}: {error.cause}", path=error.path, hint=error.hint) from error


def check_evaluated(model: torch.nn.Module, loop: Any, trained: Any, where: str) -> None:
    """Compares what a detector is evaluated on with its metrics, and with what it is trained on.

    Args:
        model: The detector.
        loop: MMEngine's loop of validation or testing.
        trained: The loader of training; None where there is none.
        where: The evaluator's key, for messages.

    Raises:
        ConfigError: Other classes, a metric of what the detector does not find or the pipeline does not load.
    """
    loader = loop.dataloader
    key = where.replace("evaluator", "dataloader.dataset")
    _check_packs(loader, key)
    inner: Any = model.module if is_model_wrapper(model) else model
    for metric in loop.evaluator.metrics:
        wants_masks = isinstance(metric, CocoMetric) and "segm" in metric.metrics
        if wants_masks and isinstance(inner, TwoStageDetector) and not inner.with_mask:
            raise ConfigError(
                f"{where}: 'segm' needs a detector that finds masks, and '{type(inner).__name__}' has no mask_head",
                hint="Use metric='bbox'",
            )
        if isinstance(metric, VOCMetric) and not loads_annotations(loader.items.transforms):
            raise ConfigError(
                f"{where}: 'VOCMetric' compares with the annotations that the pipeline loads, and it loads none",
                hint="Add dict(type='LoadAnnotations', with_bbox=True) to the test pipeline",
            )
    if isinstance(trained, DetectionLoader):
        check_same_classes(trained.classes, loader.classes, (_TRAIN, key), _CHOOSE)


def _check_packs(loader: DetectionLoader, where: str) -> None:
    if not any(_packs(transform) for transform in loader.items.transforms):
        raise ConfigError(f"{where}: the pipeline ends without PackDetInputs", hint="Add dict(type='PackDetInputs')")


def _packs(transform: Any) -> bool:
    """Whether a transform packs, or those within it, as in test-time augmentation; one of the user's own may."""
    own = type(transform).__module__.startswith(("mmdet.", "mmcv.", "penstock."))
    return not own or isinstance(transform, PackDetInputs) or any(map(_packs, within(transform)))
