"""COCO files, and the same as Deep Lake datasets. All of these tests need Detectron2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from support.coco_lakes import CocoPair, write_awkward_coco
from support.mask_lakes import ingested, write_awkward_masks
from support.require import require


def pytest_configure(config: pytest.Config) -> None:
    """Of other people's modules, which are not ours to mend."""
    for warning in (
        "ignore:.*torch.jit.*:DeprecationWarning",
        "ignore:The given NumPy array is not writable:UserWarning",
        "ignore:.*torch.cuda.amp.*:FutureWarning",
        "ignore:.*torch.meshgrid.*:UserWarning",
        "ignore:.*pkg_resources.*",
        "ignore:unclosed file .*metrics.json.*:ResourceWarning",
        "ignore:.*lr_scheduler.step.*:UserWarning",
    ):
        config.addinivalue_line("filterwarnings", warning)


@pytest.fixture(scope="session", autouse=True)
def _few_threads() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def detectron2() -> Any:
    """The module detectron2."""
    return require("detectron2")


@pytest.fixture(scope="session")
def coco_pair(
    deeplake: Any, detectron2: Any, coco_mini: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], CocoPair]:
    """Gives a pair by name: "boxes", "polygons", "bitmaps" (made up), "train" and "val" (of coco-mini, as polygons),
    "train bitmaps" and "val bitmaps".
    """
    made: dict[str, CocoPair] = {}

    def get(name: str) -> CocoPair:
        if name not in made:
            made[name] = _make(name, coco_mini, tmp_path_factory.mktemp(name))
        return made[name]

    return get


def _make(name: str, coco: Path, folder: Path) -> CocoPair:
    if name == "boxes":
        return write_awkward_coco(folder)
    if name in ("polygons", "bitmaps"):
        return write_awkward_masks(folder, "polygon" if name == "polygons" else "binary_mask")
    split = name.split()[0]
    annotations, images = coco / "annotations" / f"instances_{split}2017.json", coco / f"{split}2017"
    return ingested(folder / "lake", annotations, images, "binary_mask" if name.endswith("bitmaps") else "polygon")
