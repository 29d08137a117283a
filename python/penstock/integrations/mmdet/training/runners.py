"""Runners that go on within an epoch, in the place of MMDetection's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.integrations.mmdet.training.epoch_runner import EpochRunner
from penstock.integrations.mmdet.training.iter_runner import IterRunner

__all__ = ["EpochRunner", "IterRunner", "runner_config"]

_STOCK = {"EpochBasedRunner": EpochRunner, "IterBasedRunner": IterRunner}


def runner_config(runner: Mapping[str, Any]) -> dict[str, Any]:
    """The runner's configuration with mmcv's two runners replaced by ours; another type is left as it is."""
    kind = runner.get("type")
    return {**runner, "type": _STOCK.get(kind, kind) if isinstance(kind, str) else kind}
