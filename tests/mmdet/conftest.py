"""Pairs of a COCO file, which MMDetection reads, and a Deep Lake dataset of the same content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch

from support.coco_lakes import CocoPair, write_awkward_coco, write_coco_lake
from support.require import require


@pytest.fixture(scope="session", autouse=True)
def _few_threads() -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def coco_pair(deeplake: Any, mmdet: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], CocoPair]:
    """Gives a pair by name: "awkward" (made up), "train" and "val" (of coco-mini)."""
    made: dict[str, CocoPair] = {}

    def get(name: str) -> CocoPair:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            made[name] = write_awkward_coco(folder) if name == "awkward" else _of_coco_mini(name, folder)
        return made[name]

    return get


def _of_coco_mini(split: str, folder: Path) -> CocoPair:
    coco = Path(require("coco"))
    annotations = coco / "annotations" / f"instances_{split}2017.json"
    return write_coco_lake(folder / "lake", annotations, coco / f"{split}2017")


@pytest.fixture(scope="session")
def awkward(coco_pair: Callable[[str], CocoPair]) -> CocoPair:
    """The pair with annotations of every kind."""
    return coco_pair("awkward")


@pytest.fixture(params=["awkward", "train"])
def pair(coco_pair: Callable[[str], CocoPair], request: pytest.FixtureRequest) -> CocoPair:
    """Each pair for training."""
    return coco_pair(request.param)
