"""Trainings that are killed in the middle of an epoch and go on: nothing twice, nothing left out, the same losses."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.nightly import nightly
from support.tutorials import killed_tutorial, run_tutorial

#: Images of the dataset, and batches of 16 of them in an epoch.
IMAGES, EPOCH = 161, 11


def history(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "history.json").read_text())
    return found


def test_a_loop_of_ones_own(classified: tuple[Path, str], tmp_path: Path) -> None:
    data = ["--train", classified[0] / "val", "--epochs", 3]
    run_tutorial("resume", *data, "--out", tmp_path / "straight")
    straight = history(tmp_path / "straight")
    # A checkpoint is written after 20 steps, in the second epoch: 9 steps after its begin.
    killed_tutorial("resume", *data, "--out", tmp_path / "killed", after="step 20 of 33", log=tmp_path / "log")
    assert not (tmp_path / "killed" / "history.json").exists()
    written = run_tutorial("resume", *data, "--out", tmp_path / "killed")
    assert "goes on after step 20 of 33" in written
    assert history(tmp_path / "killed") == straight
    assert len(straight) == 3 * EPOCH
    for epoch in range(3):
        steps = straight[epoch * EPOCH : (epoch + 1) * EPOCH]
        assert Counter(index for step in steps for index in step["samples"]) == Counter(range(IMAGES))
    assert len({step["loss"] for step in straight}) == 3 * EPOCH


def losses(folder: Path) -> list[dict[int, float]]:
    """Of the iterations by their numbers, for each time that the training was started."""
    logs = sorted((folder / "work").glob("*.log.json"))
    lines = [map(json.loads, log.read_text().splitlines()) for log in logs]
    return [{line["iter"]: line["loss"] for line in log if line.get("mode") == "train"} for log in lines]


@nightly
@pytest.mark.timeout(900)
def test_mmdetection(detection_folder: Callable[[str], Path], tmp_path: Path) -> None:
    straight, killed = detection_folder("straight"), detection_folder("killed")
    options = ["--options", "log_config.interval=1", "runner.max_epochs=1", "evaluation.interval=9"]
    run_tutorial("resume_mmdetection", "--out", straight, *options)
    (expected,) = losses(straight)
    # The checkpoint before that is of iteration 20.
    killed_tutorial("resume_mmdetection", "--out", killed, *options, after="Epoch [1][25/", log=tmp_path / "log")
    run_tutorial("resume_mmdetection", "--out", killed, *options)
    before, after = losses(killed)
    assert 23 < max(before) < max(expected) == 29
    assert list(after) == list(range(21, 30))
    assert before | after == expected
    assert {number: before[number] for number in range(21, 24)} == {number: after[number] for number in range(21, 24)}
