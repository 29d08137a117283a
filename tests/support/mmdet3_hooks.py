"""A hook that runs of MMDetection 3 in other processes leave their losses by; imported by their configurations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

__all__ = ["WriteLosses"]


@HOOKS.register_module()
class WriteLosses(Hook):  # type: ignore[misc]
    """Writes {"losses": [...], "images": [[...], ...], "metrics": [...], "stats": {...}} into ``rank<n>.json``.

    Args:
        folder: Where.
    """

    priority = "LOWEST"

    def __init__(self, folder: str) -> None:
        self._file = Path(folder) / f"rank{get_rank()}.json"
        self._kept: dict[str, Any] = {"losses": [], "images": [], "metrics": [], "stats": {}}

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        self._kept["losses"].append(float(outputs["loss"]))
        self._kept["images"].append([sample.img_id for sample in data_batch["data_samples"]])

    def after_val_epoch(self, runner: Any, metrics: Any = None) -> None:
        self._kept["metrics"].append({key: float(value) for key, value in metrics.items()})

    after_test_epoch = after_val_epoch

    def after_run(self, runner: Any) -> None:
        loop = runner.train_loop if hasattr(runner.train_loop, "dataloader") else runner.test_loop
        stats = getattr(loop.dataloader, "stats", dict)()
        self._file.write_text(json.dumps({**self._kept, "stats": stats}))
