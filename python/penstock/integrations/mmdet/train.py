"""Training, as MMDetection does it, on Deep Lake datasets."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Mapping
from typing import Any

import mmdet
import torch
from mmcv import ConfigDict
from mmcv.runner import EpochBasedRunner, Fp16OptimizerHook, Hook, build_runner
from mmdet.apis.train import auto_scale_lr
from mmdet.core import EvalHook, build_optimizer
from mmdet.utils import find_latest_checkpoint, get_device, get_root_logger
from mmdet.utils.compat_config import compat_imgs_per_gpu, compat_runner_args

from penstock.dataset import Dataset
from penstock.errors import ConfigError
from penstock.integrations.mmdet.checks import check_before_opening, check_before_training
from penstock.integrations.mmdet.config import check_config
from penstock.integrations.mmdet.device import OneDevice
from penstock.integrations.mmdet.loader import DetectionLoader
from penstock.integrations.mmdet.metric_names import check_evaluation
from penstock.integrations.mmdet.split_loader import build_split_loader
from penstock.integrations.mmdet.wandb_facts import DatasetFacts, keep_config

__all__ = ["train_detector"]

logger = logging.getLogger("penstock")

# A dataset of deeplake 3 is one too; the library has no types.
_DatasetLike = Dataset | str | os.PathLike[str] | Any


def train_detector(
    model: torch.nn.Module,
    cfg: Any,
    ds_train: _DatasetLike | None = None,
    ds_train_tensors: Mapping[str, str] | None = None,
    ds_val: _DatasetLike | None = None,
    ds_val_tensors: Mapping[str, str] | None = None,
    distributed: bool = False,
    timestamp: str | None = None,
    meta: dict[str, Any] | None = None,
    validate: bool = True,
) -> None:
    """Trains and evaluates a detector as ``mmdet.apis.train_detector`` does, on one GPU or the CPU.

    Args:
        model: From ``build_detector``. Gets the dataset's class names as ``CLASSES`` if it has none.
        cfg: An ``mmcv.Config``, which is not changed; see :mod:`penstock.integrations.mmdet.config` for its
            keys.
        ds_train, ds_val: A dataset or view, of penstock or deeplake 3, or its path; stands in for ``deeplake_path``.
        ds_train_tensors, ds_val_tensors: Stand in for ``deeplake_tensors``.
        distributed: Not supported yet.
        timestamp: Names the log files; default: the time of the start.
        meta: Goes into the checkpoints.
        validate: Evaluate on ``data.val``, at the interval that ``evaluation`` gives.

    Raises:
        ConfigError: A configuration that cannot work, before training starts.
        PenstockError: What opening and loading raise.
    """
    if distributed:
        raise ConfigError("distributed training is not supported yet", hint="Pass distributed=False")
    check_before_opening(cfg)
    check_config(cfg, validate=validate)
    cfg = _with_defaults(cfg)
    train_loader = build_split_loader(cfg, "train", ds_train, ds_train_tensors)
    val_loader = build_split_loader(cfg, "val", ds_val, ds_val_tensors) if validate else None
    with train_loader:
        if val_loader is None:
            _run(model, cfg, train_loader, None, timestamp, meta)
            return
        # Now, and not after the first epoch, is the time to learn that annotations contradict each other.
        val_loader.detection.prepare_metrics(check_evaluation(cfg))
        with val_loader:
            _run(model, cfg, train_loader, val_loader, timestamp, meta)


def _with_defaults(cfg: Any) -> Any:
    """A copy of the configuration with all that MMDetection's training script would have put there."""
    cfg = compat_runner_args(compat_imgs_per_gpu(copy.deepcopy(cfg)))
    for key, value in (
        ("device", None),
        ("gpu_ids", range(1)),
        ("seed", None),
        ("log_level", "INFO"),
        ("optimizer_config", {}),
        ("lr_config", None),
        ("checkpoint_config", None),
        ("log_config", None),
        ("resume_from", None),
        ("load_from", None),
    ):
        if key not in cfg:
            cfg[key] = value
    cfg.device = cfg.device or get_device()
    cfg.workflow = cfg.get("workflow") or [("train", 1)]
    if len(cfg.gpu_ids) != 1:
        raise ConfigError(f"gpu_ids: training on {len(cfg.gpu_ids)} GPUs is not supported yet")
    return cfg


def _run(
    model: torch.nn.Module,
    cfg: Any,
    train_loader: DetectionLoader,
    val_loader: DetectionLoader | None,
    timestamp: str | None,
    meta: dict[str, Any] | None,
) -> None:
    check_before_training(model, train_loader.dataset, None if val_loader is None else val_loader.dataset)
    keep_config(cfg, meta)
    root_logger = get_root_logger(log_level=cfg.log_level)
    if getattr(model, "CLASSES", None) is None:
        model.CLASSES = train_loader.detection.CLASSES
    # auto_scale_lr looks for the batch size there.
    cfg.data.train_dataloader = ConfigDict(samples_per_gpu=train_loader.batch_size)
    auto_scale_lr(cfg, False, root_logger)
    model = OneDevice(model, _device(cfg))
    runner = build_runner(
        cfg.runner,
        default_args={
            "model": model,
            "optimizer": build_optimizer(model, cfg.optimizer),
            "work_dir": cfg.work_dir,
            "logger": root_logger,
            "meta": meta,
        },
    )
    if timestamp is not None:
        runner.timestamp = timestamp
    _register_training_hooks(runner, cfg, train_loader.detection.CLASSES)
    if val_loader is not None:
        evaluation = {**cfg.get("evaluation", {}), "by_epoch": cfg.runner["type"] != "IterBasedRunner"}
        runner.register_hook(EvalHook(val_loader, **evaluation), priority="LOW")
    loaders = {"train": train_loader} if val_loader is None else {"train": train_loader, "val": val_loader}
    runner.register_hook(DatasetFacts(cfg, loaders), priority="LOWEST")
    _load_weights(runner, cfg)
    runner.run([train_loader], cfg.workflow)


def _register_training_hooks(runner: Any, cfg: Any, classes: Any) -> None:
    optimizer_config = cfg.optimizer_config
    if cfg.get("fp16") is not None:
        optimizer_config = Fp16OptimizerHook(**cfg.optimizer_config, **cfg.fp16, distributed=False)
    if cfg.checkpoint_config is not None:
        # What loads a checkpoint for inference reads the class names there.
        cfg.checkpoint_config.setdefault("meta", {"mmdet_version": mmdet.__version__, "CLASSES": classes})
    runner.register_training_hooks(
        cfg.lr_config,
        optimizer_config,
        cfg.checkpoint_config,
        cfg.log_config,
        cfg.get("momentum_config"),
        custom_hooks_config=cfg.get("custom_hooks"),
    )
    if isinstance(runner, EpochBasedRunner):
        runner.register_hook(_LoaderEpoch())


def _load_weights(runner: Any, cfg: Any) -> None:
    resume_from = cfg.resume_from
    if resume_from is None and cfg.get("auto_resume"):
        resume_from = find_latest_checkpoint(cfg.work_dir)
    if resume_from:
        # The iteration-based runner would ask for a GPU otherwise.
        runner.resume(resume_from, **({"map_location": "cpu"} if cfg.device == "cpu" else {}))
    elif cfg.load_from:
        runner.load_checkpoint(cfg.load_from)


def _device(cfg: Any) -> torch.device:
    return torch.device("cpu") if cfg.device == "cpu" else torch.device(cfg.device, cfg.gpu_ids[0])


class _LoaderEpoch(Hook):  # type: ignore[misc]
    """Gives the loader the runner's epoch, so that a resumed run goes on with the epoch's own order and
    draws.
    """

    def before_train_epoch(self, runner: Any) -> None:
        runner.data_loader.set_epoch(runner.epoch)
