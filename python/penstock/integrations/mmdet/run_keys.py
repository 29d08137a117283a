"""The keys of a configuration that say how long to train, and in which phases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.checks import check_choice, check_integer
from penstock.errors import ConfigError

__all__ = ["check_runner", "check_workflow"]

_RUNNER = "runner=dict(type='EpochBasedRunner', max_epochs=12)"
_RUNNERS = ("EpochBasedRunner", "IterBasedRunner")
_WORKFLOW = "Use [('train', 1)] or [('train', 1), ('val', 1)]"


def check_runner(cfg: Mapping[str, Any]) -> None:
    """Raises ConfigError for a configuration without a runner, or one that would not end."""
    if "runner" not in cfg and "total_epochs" not in cfg:
        raise ConfigError("the configuration has no runner", hint=_RUNNER)
    runner = cfg.get("runner") or {"type": "EpochBasedRunner", "max_epochs": cfg.get("total_epochs")}
    if not isinstance(runner, Mapping) or "type" not in runner:
        raise ConfigError(f"runner: a dict with a 'type' is needed, got {runner!r}", hint=_RUNNER)
    if runner["type"] not in _RUNNERS:
        return
    lengths = {key: runner[key] for key in ("max_epochs", "max_iters") if runner.get(key) is not None}
    if not lengths:
        raise ConfigError(f"runner: '{runner['type']}' has neither max_epochs nor max_iters", hint=_RUNNER)
    for key, value in lengths.items():
        check_integer(f"runner.{key}", value, 0)


def check_workflow(workflow: Any) -> None:
    """Raises ConfigError for what is no list of the phases "train" and "val" with their epochs, or never trains."""
    phases = workflow if isinstance(workflow, (list, tuple)) else [workflow]
    for phase in phases:
        if not isinstance(phase, (list, tuple)) or len(phase) != 2 or not isinstance(phase[1], int):
            raise ConfigError(
                f"workflow: a list of phases and their epochs is needed, got {workflow!r}", hint=_WORKFLOW
            )
        check_choice("workflow", phase[0], ("train", "val"))
    if all(phase != "train" for phase, _ in phases):
        raise ConfigError("workflow: it has no phase 'train'", hint=_WORKFLOW)
