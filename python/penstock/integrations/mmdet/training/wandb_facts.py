"""What a run was trained on, for its log and for Weights & Biases."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmcv import Config, ConfigDict
from mmcv.runner import Hook, get_dist_info
from mmcv.runner.hooks import WandbLoggerHook
from mmdet.datasets import ConcatDataset

from penstock.errors import ConfigError
from penstock.integrations.openmmlab.dataset_facts import dataset_facts, facts_line

__all__ = ["DatasetFacts", "check_tables", "keep_config", "logger_hooks"]

logger = logging.getLogger("penstock")


class DatasetFacts(Hook):  # type: ignore[misc]
    """Logs the facts of a run's datasets, and adds them to the configuration of its W&B run as "deeplake".

    To be registered with the priority LOWEST: logger hooks, which begin the W&B run, are VERY_LOW.

    Args:
        cfg: The run's configuration.
        loaders: By split.
    """

    def __init__(self, cfg: Any, loaders: Mapping[str, Any]) -> None:
        self._metrics = cfg.get("deeplake_metrics_format", "COCO")
        self._loaders = loaders

    def before_run(self, runner: Any) -> None:
        if get_dist_info()[0] != 0:
            return
        facts = {split: dataset_facts(loader) for split, loader in self._loaders.items()}
        runner.logger.info("Deep Lake: %s", "; ".join(facts_line(split, each) for split, each in facts.items()))
        for hook in runner.hooks:
            if isinstance(hook, WandbLoggerHook):
                entry = {**facts, "metrics_format": self._metrics}
                # A resumed run has one already.
                hook.wandb.config.update({"deeplake": entry}, allow_val_change=True)
                return


def check_tables(cfg: Mapping[str, Any], val: Any) -> None:
    """MMDetWandbHook draws its tables from a single dataset.

    Args:
        cfg: The run's configuration.
        val: MMDetection's dataset of validation; None without.

    Raises:
        ConfigError: Several datasets, and the hook is to draw.
    """
    for hook, name in zip(_hooks(cfg), logger_hooks(cfg), strict=True):
        if name == "MMDetWandbHook" and hook.get("num_eval_images", 100) > 0 and isinstance(val, ConcatDataset):
            raise ConfigError(
                "log_config.hooks: 'MMDetWandbHook' draws images of one dataset, and data.val has "
                f"{len(val.datasets)}",
                hint="Set its num_eval_images=0, or validate on one dataset",
            )


def keep_config(cfg: Any, meta: Mapping[str, Any] | None) -> None:
    """Writes the configuration where MMDetWandbHook looks for it, into the work_dir under ``meta["exp_name"]``, unless
    it lies there: MMDetection's training script writes it, others do not. Without ``deeplake_credentials``.
    """
    name = (meta or {}).get("exp_name")
    if "MMDetWandbHook" not in logger_hooks(cfg) or get_dist_info()[0] != 0:
        return
    if not isinstance(name, str) or not name.endswith(".py") or Path(name).name != name:
        return
    path = Path(cfg.work_dir) / name
    if path.exists():
        return
    try:
        text = Config(_without_secrets(cfg._cfg_dict)).pretty_text
        compile(text, name, "exec")
    except Exception as error:
        # Objects among the values: their text is no Python.
        logger.warning("the configuration cannot be written for W&B: %s: %s", type(error).__name__, error)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def logger_hooks(cfg: Mapping[str, Any]) -> list[str]:
    """Names of the classes of the configuration's logger hooks."""
    kinds = [hook.get("type") for hook in _hooks(cfg)]
    return [kind.__name__ if isinstance(kind, type) else str(kind) for kind in kinds]


def _hooks(cfg: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return (cfg.get("log_config") or {}).get("hooks") or ()


def _without_secrets(cfg: Any) -> Any:
    """A copy in which ``deeplake_credentials`` are None."""
    if isinstance(cfg, Mapping):
        return ConfigDict(
            {key: None if key == "deeplake_credentials" else _without_secrets(value) for key, value in cfg.items()}
        )
    if isinstance(cfg, (list, tuple)):
        return type(cfg)(_without_secrets(value) for value in cfg)
    return copy.copy(cfg)
