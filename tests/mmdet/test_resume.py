"""A run that stopped in the middle of an epoch goes on as if it had not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from support.coco_lakes import CocoPair
from support.require import require
from support.small_training import config, seeded_detector

require("mmdet")

from support.recorder import Recorder  # noqa: E402

#: Batches in an epoch of the awkward dataset, four images each.
EPOCH = 4


def run(pair: CocoPair, work_dir: Path, kind: str = "EpochBasedRunner", length: int = 2, **changes: Any) -> Recorder:
    """Trains for ``length`` epochs, or as many iterations, from the same weights each time."""
    from penstock.integrations.mmdet import train_detector

    recorder = Recorder()
    settings = {
        "runner": {"type": kind, "max_epochs": length},
        "checkpoint_config": {"interval": 1, "by_epoch": False},
        "custom_hooks": [recorder],
        "log_config": None,
        "lr_config": {
            "policy": "CosineAnnealing",
            "min_lr": 0,
            "by_epoch": False,
            "warmup": "linear",
            "warmup_iters": 3,
        },
        "momentum_config": {"policy": "cyclic", "target_ratio": (0.9, 1), "cyclic_times": 1, "step_ratio_up": 0.4},
    }
    if kind == "IterBasedRunner":
        settings["runner"] = {"type": kind, "max_iters": length * EPOCH}
    workers = changes.pop("workers", 0)
    cfg = config(pair, work_dir, **{**settings, **changes})
    cfg.data.workers_per_gpu = workers
    torch.manual_seed(3)
    train_detector(seeded_detector(cfg), cfg, validate=changes.get("validate", False))
    return recorder


def assert_goes_on(resumed: Recorder, straight: Recorder, done: int) -> None:
    """The resumed run is what the straight one was from iteration ``done`` on, and loads nothing twice."""
    for name in ("losses", "draws", "images", "weights", "rates", "where"):
        assert getattr(resumed, name) == getattr(straight, name)[done:], name
    assert resumed.samples == straight.samples - 4 * done


@pytest.mark.parametrize("kind", ["EpochBasedRunner", "IterBasedRunner"])
@pytest.mark.parametrize(("loader_type", "workers"), [("c++", 2), ("python", 0), ("python", 2)])
def test_a_run_goes_on_within_an_epoch(
    awkward: CocoPair, native: Any, kind: str, loader_type: str, workers: int, tmp_path: Path
) -> None:
    options = {"kind": kind, "deeplake_dataloader_type": loader_type, "workers": workers}
    straight = run(awkward, tmp_path / "straight", **options)
    assert len(straight.losses) == 2 * EPOCH
    assert len(set(straight.draws)) == 2 * EPOCH
    for done in (1, 3, EPOCH, EPOCH + 2) if workers == 0 else (3,):
        checkpoint = str(tmp_path / "straight" / f"iter_{done}.pth")
        assert_goes_on(run(awkward, tmp_path / str(done), resume_from=checkpoint, **options), straight, done)
