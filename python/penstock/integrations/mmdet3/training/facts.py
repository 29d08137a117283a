"""What a run of MMDetection 3 is trained on, in its log and in Weights & Biases."""

from __future__ import annotations

from typing import Any

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop

from penstock.integrations.mmdet3.detection_loader import DetectionLoader
from penstock.integrations.openmmlab.dataset_facts import dataset_facts, facts_line

__all__ = ["DatasetFacts"]


class DatasetFacts(Hook):  # type: ignore[misc]
    """Logs the facts of a run's datasets, and adds them to the configuration of its W&B run as "deeplake"."""

    # After hooks that begin a W&B run.
    priority = "LOWEST"

    def before_run(self, runner: Any) -> None:
        """Logs them, on rank 0."""
        # Asked by its public name, a loop that this run does not need would be built.
        loops = {split: getattr(runner, f"_{split}_loop") for split in ("train", "val", "test")}
        loaders = {split: loop.dataloader for split, loop in loops.items() if isinstance(loop, BaseLoop)}
        facts = {split: dataset_facts(each) for split, each in loaders.items() if isinstance(each, DetectionLoader)}
        if not facts or get_rank() != 0:
            return
        runner.logger.info("Deep Lake: %s", "; ".join(facts_line(split, each) for split, each in facts.items()))
        backend = runner.visualizer._vis_backends.get("WandbVisBackend")
        if backend is not None:
            # A resumed run has them already.
            backend.experiment.config.update({"deeplake": facts}, allow_val_change=True)
