"""The hooks of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mmdet
from mmcv.runner import BaseRunner, DistSamplerSeedHook, EpochBasedRunner, Fp16OptimizerHook, Hook, OptimizerHook

from penstock.integrations.mmdet.training.resume import resumable

__all__ = ["LoaderEpochHook", "register_training_hooks"]


def register_training_hooks(runner: BaseRunner, cfg: Any, classes: Any, *, distributed: bool) -> None:
    """Registers what the configuration asks for, in MMDetection's order.

    Args:
        runner: The runner.
        cfg: The whole configuration.
        classes: Goes into the checkpoints: what loads one for inference reads the class names there.
        distributed: Whether there are several processes.
    """
    checkpoints = cfg.checkpoint_config
    if isinstance(checkpoints, Mapping):
        checkpoints = {"meta": {"mmdet_version": mmdet.__version__, "CLASSES": classes}, **resumable(checkpoints)}
    custom = cfg.get("custom_hooks")
    if custom is not None:
        custom = [resumable(hook) for hook in (custom if isinstance(custom, list | tuple) else [custom])]
    runner.register_training_hooks(
        cfg.lr_config,
        _optimizer_hook(cfg, distributed),
        checkpoints,
        cfg.log_config,
        cfg.get("momentum_config"),
        custom_hooks_config=custom,
    )
    if isinstance(runner, EpochBasedRunner):
        if distributed:
            runner.register_hook(DistSamplerSeedHook())
        runner.register_hook(LoaderEpochHook())


def _optimizer_hook(cfg: Any, distributed: bool) -> Any:
    options = cfg.optimizer_config
    if cfg.get("fp16") is not None:
        return Fp16OptimizerHook(**options, **cfg.fp16, distributed=distributed)
    if distributed and isinstance(options, Mapping) and "type" not in options:
        return OptimizerHook(**options)
    return options


class LoaderEpochHook(Hook):  # type: ignore[misc]
    """Gives the loader the runner's epoch, so that a resumed run goes on with the epoch's own order and
    draws.
    """

    def before_epoch(self, runner: Any) -> None:
        """Before each epoch of training and of validation."""
        if hasattr(runner.data_loader, "set_epoch"):
            runner.data_loader.set_epoch(runner.epoch)
