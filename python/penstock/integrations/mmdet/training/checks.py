"""What is wrong with a run as a whole, found before it starts."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmcv import Config
from mmcv.cnn import VGG
from mmdet.models import BaseDetector, SingleStageDetector, TwoStageDetector
from mmdet.models.dense_heads import GARPNHead, RPNHead
from mmdet.models.roi_heads.mask_heads import FusedSemanticHead
from mmdet.models.seg_heads.base_semantic_head import BaseSemanticHead

from penstock.errors import ConfigError
from penstock.extras import import_extra
from penstock.integrations.mmdet.config import TOP_KEYS
from penstock.integrations.mmdet.data.wrappers import leaves_of
from penstock.integrations.mmdet.training.pipeline_checks import check_test_pipelines, check_train_pipelines
from penstock.integrations.mmdet.training.wandb_facts import logger_hooks
from penstock.integrations.openmmlab.class_checks import check_heads, check_same_classes

__all__ = ["check_before_opening", "check_before_training"]

_SPLIT_KEYS = ("path", "tensors", "dataloader", "credentials", "commit_id", "view_id")
_WANDB_HOOKS = ("MMDetWandbHook", "WandbLoggerHook")
#: Modules whose num_classes are not the dataset's: objectness, stuff, a backbone's own.
_OTHER_CLASSES = (RPNHead, GARPNHead, VGG, FusedSemanticHead, BaseSemanticHead)


def check_before_opening(cfg: Any) -> None:
    """Finds keys in the wrong place and hooks that could not run.

    Raises:
        TypeError: What is no ``mmcv.Config``.
        ConfigError: A top-level key that belongs to a split, or is nearly one of penstock's; MMDetWandbHook without
            checkpoints.
        MissingExtraError: A W&B hook, and wandb is not installed.
    """
    if not isinstance(cfg, Config):
        raise TypeError(f"cfg must be an mmcv.Config, as Config.fromfile gives it, not {type(cfg).__name__}")
    for key in cfg:
        if key in [f"deeplake_{name}" for name in _SPLIT_KEYS]:
            raise ConfigError(
                f"the configuration: '{key}' stands at its top level", hint=f"It belongs into data.train: {key}=..."
            )
        near = difflib.get_close_matches(key, TOP_KEYS, n=1, cutoff=0.85)
        if near and key not in TOP_KEYS:
            raise ConfigError(f"the configuration: unknown key '{key}'", hint=f"Did you mean '{near[0]}'?")
    _check_log(cfg.get("log_config"))
    for key in ("load_from", "resume_from"):
        _check_file(key, cfg.get(key))
    _check_device(cfg.get("device"))
    hooks = logger_hooks(cfg)
    for name in _WANDB_HOOKS:
        if name in hooks:
            import_extra("wandb", f"log_config.hooks: '{name}'", "wandb")
    if "MMDetWandbHook" in hooks and not cfg.get("checkpoint_config"):
        raise ConfigError(
            "log_config.hooks: 'MMDetWandbHook' asks for checkpoints, and checkpoint_config is not set",
            hint="checkpoint_config=dict(interval=1), or 'WandbLoggerHook'",
        )


def _check_log(value: Any) -> None:
    if value is not None and not (isinstance(value, Mapping) and isinstance(value.get("hooks"), (list, tuple))):
        raise ConfigError(
            f"log_config: a dict with a list of 'hooks' is needed, got {value!r}",
            hint="log_config=dict(interval=50, hooks=[dict(type='TextLoggerHook')])",
        )


def _check_file(key: str, value: Any) -> None:
    """A checkpoint has to be there; what has a scheme (http://, torchvision://) is fetched later."""
    if isinstance(value, str) and value and "://" not in value and not Path(value).expanduser().is_file():
        raise ConfigError(f"{key}: there is no file '{value}'")


def _check_device(name: Any) -> None:
    try:
        torch.device(name or "cpu")
    except (RuntimeError, TypeError) as error:
        raise ConfigError(f"device: there is no {name!r}", hint="It is 'cpu' or 'cuda'") from error


def check_before_training(
    model: torch.nn.Module, train: Any, val: Any = None, metrics: Sequence[str] = ()
) -> None:
    """Finds what does not fit together, once the datasets are open.

    Args:
        model: The detector.
        train, val: MMDetection's datasets; ``val`` is None without validation.
        metrics: Names of those that ``val`` is to be evaluated with.

    Raises:
        ConfigError: A head for another number of classes than the dataset has, as MMDetection's ``NumClassCheckHook``
            finds it later; validation on other classes than training; a pipeline that ends without ``Collect``, or is
            one of testing for training or the reverse; a metric of what the detector does not find.
        DatasetFormatError: A label without a class, or tensors that contradict each other, by sample.
    """
    check_train_pipelines(train)
    for leaf in leaves_of(train):
        # Else read with the first batch, where no image was to be filtered.
        _ = leaf.annotations
    check_heads(model, train.CLASSES, _OTHER_CLASSES, "data.train", "data.train.classes=(...)")
    if val is None:
        return
    if getattr(type(model), "forward_test", None) is BaseDetector.forward_test:
        # A user's own detector may take images otherwise.
        check_test_pipelines(val)
    _check_metrics(model, metrics)
    check_same_classes(tuple(train.CLASSES), tuple(val.CLASSES), ("data.train", "data.val"), "classes=(...)")


def _check_metrics(model: torch.nn.Module, metrics: Sequence[str]) -> None:
    """Of MMDetection's own detectors it is known what they find."""
    kind = type(model)
    if not kind.__module__.startswith("mmdet.") or not isinstance(model, (SingleStageDetector, TwoStageDetector)):
        return
    if "proposal_fast" in metrics:
        raise ConfigError(
            f"evaluation.metric: 'proposal_fast' is of proposals, and '{kind.__name__}' gives detections by class",
            hint="Use 'proposal'",
        )
    if "segm" in metrics and not model.with_mask and not hasattr(model, "panoptic_head"):
        raise ConfigError(
            f"evaluation.metric: 'segm' needs a detector that finds masks, and this '{kind.__name__}' has no mask_head",
            hint="Use metric=['bbox']",
        )
