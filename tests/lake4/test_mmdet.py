"""MMDetection over Deep Lake 4: batches, training and metrics, against MMDetection's own reading of the COCO file.

Runs where deeplake 4 and MMDetection are both installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from support.coco_lakes import CocoPair, write_awkward_files
from support.detection import LOAD, augmenting, stock_dataset, training
from support.lake4_coco import write_coco_lake4
from support.same_batches import Tolerance, assert_same_batches
from support.small_training import config, log_of, losses, seeded_detector


@pytest.fixture(scope="module")
def awkward4(deeplake4: Any, mmdet: Any, tmp_path_factory: pytest.TempPathFactory) -> CocoPair:
    folder = tmp_path_factory.mktemp("awkward4")
    return write_coco_lake4(folder / "lake", write_awkward_files(folder), folder)


@pytest.fixture(autouse=True)
def _few_threads(mmdet: Any) -> Iterator[None]:
    import cv2

    before = torch.get_num_threads()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def build(pair: CocoPair, pipeline: list[dict[str, Any]], **options: Any) -> Any:
    from penstock.integrations.mmdet import build_dataset

    return build_dataset({"deeplake_path": str(pair.lake), "pipeline": pipeline}, options)


def test_items_are_stocks(awkward4: CocoPair) -> None:
    stock, own = stock_dataset(awkward4, training()), build(awkward4, training())
    assert len(own) == len(stock) > 5
    np.testing.assert_array_equal(own.flag, stock.flag)
    for expected, found in zip(stock, own, strict=True):
        assert list(found) == list(expected)
        for key in set(expected) - {"img_metas"}:
            assert torch.equal(found[key].data, expected[key].data), key


@pytest.mark.parametrize("num_workers", [0, 2])
def test_both_loaders_give_the_same_batches(num_workers: int, awkward4: CocoPair, native: Any) -> None:
    from penstock.integrations.mmdet import build_dataloader

    batches = {}
    for kind in ("c++", "python"):
        dataset = build(awkward4, augmenting(64))
        with build_dataloader(dataset, 3, num_workers, shuffle=True, seed=5, loader_type=kind) as loader:
            batches[kind] = list(loader)
            if kind == "c++":
                assert loader.steps[0].native, loader.explain()
    assert_same_batches(batches["c++"], batches["python"], Tolerance(share=1e-3))


def test_metrics_are_stocks(awkward4: CocoPair) -> None:
    stock, own = stock_dataset(awkward4, LOAD, test_mode=True), build(awkward4, LOAD, test_mode=True)
    rng = np.random.default_rng(1)
    results = []
    for index in range(len(stock)):
        found = stock.get_ann_info(index)
        rows = np.c_[found["bboxes"] + rng.normal(0, 2, found["bboxes"].shape), rng.random(len(found["labels"]))]
        results.append([rows[found["labels"] == label].astype(np.float32) for label in range(4)])
    assert own.evaluate(results) == stock.evaluate(results)


def test_training(awkward4: CocoPair, native: Any, tmp_path: Path) -> None:
    from penstock.integrations import mmdet as mmdet_deeplake

    logs = {}
    for kind, name in (("c++", "cpp"), ("python", "python")):
        cfg = config(awkward4, tmp_path / name, deeplake_dataloader_type=kind)
        (tmp_path / name).mkdir()
        mmdet_deeplake.train_detector(seeded_detector(cfg), cfg, timestamp="log")
        logs[kind] = log_of(cfg)
    assert losses(logs["c++"]) == pytest.approx(losses(logs["python"]), rel=1e-3)
    assert "bbox_mAP" in logs["c++"][-1]


def test_wrapped_datasets(awkward4: CocoPair, native: Any) -> None:
    """Repeated and joined, the core asks Deep Lake for the samples of each by their own numbers."""
    from penstock.integrations.mmdet import build_dataloader, build_dataset

    one = {"deeplake_path": str(awkward4.lake), "pipeline": augmenting(64)}
    tree = {"type": "RepeatDataset", "times": 2, "dataset": [{**one, "classes": ["dog", "cat"]}] * 2}
    batches = {}
    for kind in ("c++", "python"):
        with build_dataloader(build_dataset(tree), 3, 0, shuffle=True, seed=5, loader_type=kind) as loader:
            batches[kind] = list(loader)
            if kind == "c++":
                assert loader.steps[0].native, loader.explain()
    assert_same_batches(batches["c++"], batches["python"], Tolerance(share=1e-3))
