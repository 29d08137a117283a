"""The tutorial of MMDetection 3: COCO files to a trained detector, by the Runner and by MMDetection's own script."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from support.nightly import nightly
from support.require import PROJECT_ROOT
from support.tutorials import run_tutorial

#: Of evaluations in MMEngine's log.
KINDS = ("val", "test")


@pytest.fixture(scope="module")
def trained(deeplake: Any, native: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """What the script leaves in its folder when it is quick, and what it writes."""
    folder = tmp_path_factory.mktemp("coco_mmdetection_3")
    return folder, run_tutorial("coco_mmdetection_3", "--quick", "--out", folder)


def check(folder: Path, written: str, pictures: int) -> float:
    """Whether all has come out; returns the mAP at an IoU of 0.5."""
    losses = [float(loss) for loss in re.findall(r"  loss: ([\d.]+)", written)]
    assert losses[-1] < 0.9 * losses[0]
    (found,) = re.findall(r"^bbox_mAP_50 +([\d.]+)$", written, re.MULTILINE)
    # The evaluation at the end of training is that of the checkpoint.
    (*_, validated), tested = (re.findall(rf"Epoch\({kind}\).*coco/bbox_mAP_50: ([\d.]+)", written) for kind in KINDS)
    assert [validated] == tested == [f"{float(found):.4f}"]
    (shown,) = (folder / "work").glob("*/shown")
    assert len(list(shown.iterdir())) == pictures
    with Image.open(folder / "predictions.png") as picture:
        assert picture.width > 300
    return float(found)


def test_all_steps_work(trained: tuple[Path, str]) -> None:
    check(*trained, 24)


@nightly
@pytest.mark.timeout(900)
def test_a_detector_learns(deeplake: Any, native: Any, tmp_path: Path) -> None:
    written = run_tutorial("coco_mmdetection_3", "--out", tmp_path, timeout=800)
    # Random weights find nothing: 0.000.
    assert check(tmp_path, written, 100) > 0.3


@nightly
def test_its_own_scripts(trained: tuple[Path, str], mmdet3: Any, tmp_path: Path) -> None:
    """As the page calls them."""
    tools = Path(mmdet3.__file__).parent / ".mim" / "tools"
    options = ["--work-dir", str(tmp_path / "work")]
    config = str(trained[0] / "config.py")
    for script in ([tools / "train.py", config], [tools / "test.py", config, trained[0] / "work" / "epoch_2.pth"]):
        command = [sys.executable, "-W", "ignore", *map(str, script), *options]
        done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=280, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        written = done.stdout + done.stderr
        # The script of the tutorial has trained the same.
        assert re.findall(r"coco/bbox_mAP_50: ([\d.]+)", written) == re.findall(
            r"Epoch\(test\).*coco/bbox_mAP_50: ([\d.]+)", trained[1]
        )
