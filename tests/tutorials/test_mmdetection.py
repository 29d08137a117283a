"""COCO files to a trained detector with MMDetection 2, and what of it goes to Weights & Biases."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from support.nightly import nightly
from support.require import require
from support.tutorials import run_tutorial


def check(folder: Path, written: str, pictures: int) -> float:
    """Whether all has come out; returns the mAP at an IoU of 0.5."""
    losses = [float(loss) for loss in re.findall(r", loss: ([\d.]+)", written)]
    assert losses[-1] < 0.9 * losses[0]
    (found,) = re.findall(r"^bbox_mAP_50 +([\d.]+)$", written, re.MULTILINE)
    # The evaluation at the end of training is that of the checkpoint.
    assert f"{float(re.findall(r'bbox_mAP_50: ([0-9.]+)', written)[-1]):.3f}" == found
    assert (folder / "work" / "latest.pth").exists()
    assert len(list((folder / "shown").iterdir())) == pictures
    with Image.open(folder / "predictions.png") as picture:
        assert picture.width > 300
    return float(found)


def test_all_steps_work(detected: tuple[Path, str]) -> None:
    check(*detected, 24)


@nightly
@pytest.mark.timeout(900)
def test_a_detector_learns(deeplake: Any, mmdet: Any, native: Any, tmp_path: Path) -> None:
    written = run_tutorial("coco_mmdetection_2", "--out", tmp_path, timeout=800)
    # Random weights find nothing: 0.000.
    assert check(tmp_path, written, 100) > 0.3


@nightly
@pytest.mark.timeout(600)
def test_weights_and_biases(
    detection_folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("wandb")
    from support.wandb_runs import OfflineRun, offline_wandb

    folder = detection_folder("wandb")
    with offline_wandb(tmp_path / "wandb", monkeypatch):
        variables: dict[str, Any] = {"WANDB_DATA_DIR": str(tmp_path / "wandb" / "DATA_DIR")}
        written = run_tutorial("wandb_hook", "--out", folder, "--options", "runner.max_epochs=2", environment=variables)
        assert f"the run: {folder}/wandb/offline-run-" in written
        # Where the reader of runs looks.
        (tmp_path / "wandb" / "DIR" / "wandb").symlink_to(folder / "wandb")
        run = OfflineRun(tmp_path / "wandb")
    assert sum("val/bbox_mAP" in step for step in run.history) == 1
    assert sum("train/loss" in step for step in run.history) >= 2
    assert {artifact.type for artifact in run.artifacts} == {"model", "evaluation"}
    assert run.config["deeplake"]["train"]["datasets"][0]["path"] == str(folder / "train")
    (table,) = (artifact.table("eval_data") for artifact in run.artifacts if artifact.type == "evaluation")
    assert len(table.rows) == 16
