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


@pytest.fixture(scope="module")
def trained(deeplake: Any, native: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """What the script leaves in its folder after two epochs, and what it writes."""
    folder = tmp_path_factory.mktemp("coco_mmdetection_3")
    return folder, run_tutorial("coco_mmdetection_3", "--out", folder, "--options", "train_cfg.max_epochs=2")


def test_a_detector_is_trained_evaluated_and_drawn(trained: tuple[Path, str]) -> None:
    folder, written = trained
    (found,) = re.findall(r"^bbox_mAP_50 +([\d.]+)$", written, re.MULTILINE)
    # Random weights find nothing: 0.000.
    assert float(found) > 0.15
    validated, tested = re.findall(r"Epoch\((?:val|test)\).*coco/bbox_mAP_50: ([\d.]+)", written)
    assert validated == tested == f"{float(found):.4f}"
    assert (folder / "work" / "epoch_2.pth").is_file()
    (shown,) = (folder / "work").glob("*/shown")
    assert len(list(shown.iterdir())) == 100
    with Image.open(folder / "predictions.png") as picture:
        assert picture.width > 300 and (folder / "predictions.png").stat().st_size < 150_000


@nightly
def test_its_own_scripts(trained: tuple[Path, str], mmdet3: Any, tmp_path: Path) -> None:
    """As the page calls them."""
    tools = Path(mmdet3.__file__).parent / ".mim" / "tools"
    options = ["--work-dir", str(tmp_path / "work"), "--cfg-options", "train_cfg.max_epochs=2"]
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
