"""What several tutorials read, made once: by the scripts themselves."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.require import require
from support.tutorials import run_tutorial


@pytest.fixture(scope="session")
def classified(deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """What classification.py leaves in its folder, and what it writes."""
    require("native")
    folder = tmp_path_factory.mktemp("classification")
    return folder, run_tutorial("classification", "--epochs", 4, "--out", folder)


@pytest.fixture(scope="session")
def detected(deeplake: Any, mmdet: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """What coco_mmdetection_2.py leaves in its folder when it is quick, and what it writes."""
    require("native")
    folder = tmp_path_factory.mktemp("coco_mmdetection_2")
    return folder, run_tutorial("coco_mmdetection_2", "--quick", "--out", folder)


@pytest.fixture
def detection_folder(detected: tuple[Path, str], tmp_path: Path) -> Callable[[str], Path]:
    """Gives folders in which a script of MMDetection 2 finds its datasets."""

    def get(name: str) -> Path:
        for part in ("coco", "train", "val"):
            shutil.copytree(detected[0] / part, tmp_path / name / part)
        return tmp_path / name

    return get
