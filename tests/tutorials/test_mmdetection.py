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


def test_a_detector_is_trained_evaluated_and_drawn(detected: tuple[Path, str]) -> None:
    folder, written = detected
    (found,) = re.findall(r"^bbox_mAP_50 +([\d.]+)$", written, re.MULTILINE)
    # Random weights find nothing: 0.000.
    assert float(found) > 0.15
    # The evaluation while training is that of the checkpoint.
    assert len(set(re.findall(r"bbox_mAP_50: ([\d.]+)", written)) | {f"{float(found):.3f}"}) <= 2
    assert (folder / "work" / "latest.pth").exists()
    assert len(list((folder / "shown").iterdir())) == 100
    with Image.open(folder / "predictions.png") as picture:
        assert picture.width > 300 and (folder / "predictions.png").stat().st_size < 150_000


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
        written = run_tutorial(
            "wandb_hook", "--out", folder, "--options", "runner.max_epochs=2", environment=variables
        )
        assert f"the run: {folder}/wandb/offline-run-" in written
        # Where the reader of runs looks.
        (tmp_path / "wandb" / "DIR" / "wandb").symlink_to(folder / "wandb")
        run = OfflineRun(tmp_path / "wandb")
    assert sum("val/bbox_mAP" in step for step in run.history) == 1
    assert sum("train/loss" in step for step in run.history) >= 4
    assert {artifact.type for artifact in run.artifacts} == {"model", "evaluation"}
    assert run.config["deeplake"]["train"]["datasets"][0]["path"] == str(folder / "train")
    (table,) = (artifact.table("eval_data") for artifact in run.artifacts if artifact.type == "evaluation")
    assert len(table.rows) == 16
