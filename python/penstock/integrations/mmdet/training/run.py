"""One training run in one process: model, optimizer, runner, hooks, weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmcv import ConfigDict
from mmcv.runner import build_runner
from mmdet.apis.train import auto_scale_lr
from mmdet.core import build_optimizer
from mmdet.utils import find_latest_checkpoint, get_root_logger

from penstock.integrations.mmdet.detection_loader import DetectionLoader
from penstock.integrations.mmdet.metric_names import check_evaluation
from penstock.integrations.mmdet.training.checks import check_before_training
from penstock.integrations.mmdet.training.device import OneDevice, Replica
from penstock.integrations.mmdet.training.evaluation import evaluation_hook
from penstock.integrations.mmdet.training.hooks import register_training_hooks
from penstock.integrations.mmdet.training.runners import runner_config
from penstock.integrations.mmdet.training.wandb_facts import DatasetFacts, check_tables, keep_config
from penstock.integrations.ranks.distributed import local_device

__all__ = ["run_training"]


def run_training(
    model: torch.nn.Module,
    cfg: Any,
    loaders: Mapping[str, DetectionLoader],
    evaluated: DetectionLoader | None,
    distributed: bool,
    timestamp: str | None,
    meta: dict[str, Any] | None,
) -> None:
    """Runs the workflow, once there are loaders.

    Args:
        model: The model; trained afterwards.
        cfg: The whole configuration, with its defaults.
        loaders: By the workflow's phases.
        evaluated: The loader to evaluate on.
        distributed: Whether this is one of several processes.
        timestamp, meta: As in ``train_detector``.
    """
    metrics = [] if evaluated is None else check_evaluation(cfg)
    check_before_training(model, loaders["train"].dataset, None if evaluated is None else evaluated.dataset, metrics)
    check_tables(cfg, None if evaluated is None else evaluated.dataset)
    keep_config(cfg, meta)
    root_logger = get_root_logger(log_level=cfg.log_level)
    classes = loaders["train"].detection.CLASSES
    if getattr(model, "CLASSES", None) is None:
        model.CLASSES = classes
    # auto_scale_lr looks for the batch size there.
    cfg.data.train_dataloader = ConfigDict(samples_per_gpu=loaders["train"].batch_size)
    auto_scale_lr(cfg, distributed, root_logger)
    wrapped = _wrapped(model, cfg, distributed)
    if meta is None and cfg.get("fp16") is not None:
        # Its hook keeps the scale of the losses there.
        meta = {}
    runner = build_runner(
        runner_config(cfg.runner),
        default_args={
            "model": wrapped,
            "optimizer": build_optimizer(wrapped, cfg.optimizer),
            "work_dir": cfg.work_dir,
            "logger": root_logger,
            "meta": meta,
        },
    )
    if timestamp is not None:
        runner.timestamp = timestamp
    register_training_hooks(runner, cfg, classes, distributed=distributed)
    if evaluated is not None:
        runner.register_hook(evaluation_hook(evaluated, cfg, distributed=distributed), priority="LOW")
    shown = {"train": loaders["train"]} if evaluated is None else {"train": loaders["train"], "val": evaluated}
    runner.register_hook(DatasetFacts(cfg, shown), priority="LOWEST")
    _load_weights(runner, cfg)
    runner.run([loaders[phase] for phase, _ in cfg.workflow], cfg.workflow)


def _wrapped(model: torch.nn.Module, cfg: Any, distributed: bool) -> torch.nn.Module:
    device = local_device(cfg, distributed=distributed)
    if not distributed:
        return OneDevice(model, device)
    return Replica(
        model,
        device,
        find_unused_parameters=cfg.get("find_unused_parameters", False),
        broadcast_buffers=cfg.get("broadcast_buffers", False),
    )


def _load_weights(runner: Any, cfg: Any) -> None:
    resume_from = cfg.resume_from
    if resume_from is None and cfg.get("auto_resume"):
        resume_from = find_latest_checkpoint(cfg.work_dir)
    if resume_from:
        runner.resume(resume_from, **({"map_location": "cpu"} if cfg.device == "cpu" else {}))
    elif cfg.load_from:
        runner.load_checkpoint(cfg.load_from)
