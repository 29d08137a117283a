"""Pairs of a COCO file, which MMDetection 3 reads, and a Deep Lake dataset of the same content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch

from support.coco_lakes import CocoPair, write_awkward_coco
from support.mask_lakes import write_awkward_masks
from support.require import require


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What MMDetection's stack warns of is its own; our own warnings are errors as elsewhere."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("error:penstock"))
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="session", autouse=True)
def mmdet3() -> Any:
    """The module mmdet, of version 3, with its registries filled."""
    module = require("mmdet3")
    from mmdet.utils import register_all_modules

    register_all_modules()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    return module


@pytest.fixture(scope="session", autouse=True)
def _plain_configurations(mmdet3: Any) -> Iterator[None]:
    """A run writes its configuration into files and checkpoints, which takes most of a small run's time to be laid out
    nicely.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mmengine.config.config.FormatCode", lambda text, **_: (text, True))
        yield


@pytest.fixture(scope="session")
def coco_pair(deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], CocoPair]:
    """Gives a pair by name: "awkward" (made up), "polygon masks" and "bitmap masks" (the same with masks)."""
    made: dict[str, CocoPair] = {}

    def get(name: str) -> CocoPair:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            if name == "awkward":
                made[name] = write_awkward_coco(folder)
            else:
                made[name] = write_awkward_masks(folder, "polygon" if name == "polygon masks" else "binary_mask")
        return made[name]

    return get


@pytest.fixture(scope="session")
def awkward(coco_pair: Callable[[str], CocoPair]) -> CocoPair:
    """The pair with annotations of every kind."""
    return coco_pair("awkward")
