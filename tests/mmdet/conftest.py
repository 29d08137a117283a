"""Pairs of a COCO file, which MMDetection reads, and a Deep Lake dataset of the same content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch

from support.coco_lakes import CocoPair, write_awkward_coco, write_coco_lake
from support.mask_lakes import ingested, write_awkward_masks


@pytest.fixture(scope="session", autouse=True)
def _few_threads() -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def coco_pair(
    deeplake: Any, mmdet: Any, coco_mini: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], CocoPair]:
    """Gives a pair by name: "awkward" (made up), "polygon masks" and "bitmap masks" (the same with masks), "train" and
    "val" (of coco-mini), "ingested" and "ingested bitmaps" (the latter's images, written by penstock.ingest).
    """
    made: dict[str, CocoPair] = {}

    def get(name: str) -> CocoPair:
        if name not in made:
            made[name] = _make(name, coco_mini, tmp_path_factory.mktemp(name))
        return made[name]

    return get


def _make(name: str, coco: Path, folder: Path) -> CocoPair:
    if name == "awkward":
        return write_awkward_coco(folder)
    if name.endswith(" masks"):
        return write_awkward_masks(folder, "polygon" if name == "polygon masks" else "binary_mask")
    split = "train" if name == "train" else "val"
    annotations, images = coco / "annotations" / f"instances_{split}2017.json", coco / f"{split}2017"
    if name.startswith("ingested"):
        return ingested(folder / "lake", annotations, images, "polygon" if name == "ingested" else "binary_mask")
    return write_coco_lake(folder / "lake", annotations, images)


@pytest.fixture(scope="session")
def awkward(coco_pair: Callable[[str], CocoPair]) -> CocoPair:
    """The pair with annotations of every kind."""
    return coco_pair("awkward")


@pytest.fixture(params=["awkward", "train", "ingested"])
def pair(coco_pair: Callable[[str], CocoPair], request: pytest.FixtureRequest) -> CocoPair:
    """Each pair for training."""
    return coco_pair(request.param)
