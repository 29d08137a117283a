"""What MMDetection's training script puts into a configuration."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from mmcv.runner import Hook
from mmdet.utils import get_device
from mmdet.utils.compat_config import compat_imgs_per_gpu, compat_runner_args

from penstock.errors import ConfigError

__all__ = ["set_devices", "with_defaults"]

_DEFAULTS: tuple[tuple[str, Any], ...] = (
    ("seed", None),
    ("log_level", "INFO"),
    ("optimizer_config", {}),
    ("lr_config", None),
    ("checkpoint_config", None),
    ("log_config", None),
    ("resume_from", None),
    ("load_from", None),
)
_HOOKS = ("lr_config", "optimizer_config", "checkpoint_config", "momentum_config")


def with_defaults(cfg: Any, *, distributed: bool) -> Any:
    """A copy of a configuration with all keys that training looks at. Hooks that are objects stay the same ones: a
    user may look at them afterwards.

    Raises:
        ConfigError: No GPU where one is needed, or several without ``distributed``.
    """
    given = cfg
    cfg = compat_runner_args(compat_imgs_per_gpu(copy.deepcopy(cfg)))
    _keep_hook_objects(given, cfg)
    for key, value in _DEFAULTS:
        if key not in cfg:
            cfg[key] = copy.copy(value)
    set_devices(cfg, distributed=distributed)
    if cfg.device == "cpu" and cfg.get("fp16") is not None:
        raise ConfigError("fp16: the device is 'cpu', and mixed precision needs a GPU", hint="Leave it out")
    # Files in JSON or YAML have no tuples.
    cfg.workflow = [tuple(phase) for phase in cfg.get("workflow") or [("train", 1)]]
    return cfg


def set_devices(cfg: Any, *, distributed: bool) -> None:
    """Chooses ``device`` and ``gpu_ids`` where a configuration does not.

    Raises:
        ConfigError: No GPU where one is needed, several without ``distributed``, or what is no list of them.
    """
    cfg.device = cfg.get("device") or get_device()
    if cfg.get("gpu_ids") is None:
        cfg.gpu_ids = range(torch.cuda.device_count() if distributed and cfg.device != "cpu" else 1)
    if not isinstance(cfg.gpu_ids, Sequence):
        raise ConfigError(f"gpu_ids: a list of numbers is needed, got {cfg.gpu_ids!r}")
    if len(cfg.gpu_ids) == 0:
        raise ConfigError("gpu_ids: there is no GPU", hint="device='cpu' with gpu_ids=[0, 1] takes two processes")
    if len(cfg.gpu_ids) != 1 and not distributed:
        raise ConfigError(
            f"gpu_ids: one process works on one GPU, not on {len(cfg.gpu_ids)}", hint="Pass distributed=True"
        )


def _keep_hook_objects(given: Any, copied: Any) -> None:
    for key in _HOOKS:
        if isinstance(given.get(key), Hook):
            copied[key] = given[key]
    hooks = given.get("custom_hooks")
    if isinstance(hooks, Hook):
        copied["custom_hooks"] = hooks
    elif isinstance(hooks, list | tuple):
        copies = copied["custom_hooks"]
        copied["custom_hooks"] = [
            hook if isinstance(hook, Hook) else copy for hook, copy in zip(hooks, copies, strict=True)
        ]
