"""The tutorial of Detectron2: COCO files to a trained detector."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from support.tutorials import run_tutorial


@pytest.mark.timeout(600)
def test_a_detector_is_trained_evaluated_and_drawn(
    deeplake: Any, detectron2: Any, native: Any, tmp_path: Path
) -> None:
    written = run_tutorial("detectron2_training", "--out", tmp_path, "--iterations", 240, timeout=580)
    losses = [float(loss) for loss in re.findall(r"total_loss: ([\d.]+)", written)]
    assert len(losses) == 12 and losses[-1] < 0.8 * losses[0]
    (found,) = re.findall(r"^AP50 +([\d.]+)$", written, re.MULTILINE)
    # In percent. Random weights find nothing: 0.0.
    assert float(found) > 1
    assert (tmp_path / "work" / "model_final.pth").is_file()
    with Image.open(tmp_path / "predictions.png") as picture:
        assert picture.width > 300 and (tmp_path / "predictions.png").stat().st_size < 150_000
