"""Batches for MMDetection, from both loader types."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from penstock.errors import ConfigError, DecodeError
from support.coco_lakes import CocoPair
from support.damage import replace_sample
from support.detection import LOAD, TEST_PIPELINE, augmenting, stock_dataset, training

LOADER_TYPES = ["python", "c++"]


@pytest.fixture(params=LOADER_TYPES)
def loader_type(request: pytest.FixtureRequest) -> str:
    if request.param == "c++":
        request.getfixturevalue("native")
    return str(request.param)


def build(pair: CocoPair, pipeline: list[dict[str, Any]], test_mode: bool = False, **options: Any) -> Any:
    from penstock.integrations import mmdet as mmdet_deeplake

    dataset = mmdet_deeplake.build_dataset(
        {"deeplake_path": str(pair.lake), "pipeline": pipeline}, {"test_mode": test_mode}
    )
    arguments = {"samples_per_gpu": 3, "workers_per_gpu": 0, "seed": 7, **options}
    return mmdet_deeplake.build_dataloader(dataset, **arguments)


def flattened(value: Any) -> Any:
    """A batch's tensors, arrays and numbers, in order."""
    from mmcv.parallel import DataContainer

    if isinstance(value, DataContainer):
        value = value.data
    if isinstance(value, dict):
        for key in value:
            yield key
            yield from flattened(value[key])
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from flattened(item)
    else:
        yield value


def assert_equal_batches(found: Any, expected: Any) -> None:
    left, right = list(flattened(found)), list(flattened(expected))
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        if isinstance(one, torch.Tensor):
            # Float images of the core and of numpy differ in their last bits.
            assert torch.allclose(one, other, rtol=1e-5, atol=1e-4) and one.dtype == other.dtype
        else:
            np.testing.assert_array_equal(one, other)


def test_both_types_yield_equal_batches(pair: CocoPair, native: Any) -> None:
    loaders = [
        build(pair, augmenting(), loader_type=kind, workers_per_gpu=workers)
        for kind, workers in (("python", 0), ("c++", 1), ("c++", 3))
    ]
    for _ in range(2):
        epochs = [list(loader) for loader in loaders]
        for batches in epochs[1:]:
            assert len(batches) == len(epochs[0]) == len(loaders[0])
            for found, expected in zip(batches, epochs[0], strict=True):
                assert_equal_batches(found, expected)


def test_worker_processes_yield_equal_batches(awkward: CocoPair) -> None:
    alone = list(build(awkward, augmenting(), loader_type="python"))
    shared = list(build(awkward, augmenting(), loader_type="python", workers_per_gpu=2))
    for found, expected in zip(shared, alone, strict=True):
        assert_equal_batches(found, expected)


def test_batches_hold_stocks_items_in_groups_of_like_aspect(pair: CocoPair, loader_type: str) -> None:
    stock = stock_dataset(pair, training())
    by_name = {info["filename"]: position for position, info in enumerate(stock.data_infos)}
    seen = set()
    for batch in build(pair, training(), loader_type=loader_type):
        metas = batch["img_metas"].data[0]
        positions = [by_name[meta["ori_filename"]] for meta in metas]
        seen |= set(positions)
        assert len({int(stock.flag[position]) for position in positions}) == 1
        for number, position in enumerate(positions):
            item, image = stock[position], batch["img"].data[0][number]
            expected = item["img"].data
            assert torch.equal(image[:, : expected.shape[1], : expected.shape[2]], expected)
            assert torch.equal(batch["gt_bboxes"].data[0][number], item["gt_bboxes"].data)
            assert torch.equal(batch["gt_labels"].data[0][number], item["gt_labels"].data)
    assert seen == set(range(len(stock)))


def test_validation_goes_by_the_order_of_the_dataset(awkward: CocoPair, loader_type: str) -> None:
    stock = stock_dataset(awkward, TEST_PIPELINE, test_mode=True)
    loader = build(awkward, TEST_PIPELINE, test_mode=True, shuffle=False, samples_per_gpu=1, loader_type=loader_type)
    assert len(loader) == len(loader.dataset) == len(stock)
    for batch, item in zip(loader, stock, strict=True):
        assert torch.equal(batch["img"][0][0], item["img"][0])
        assert batch["img_metas"][0].data[0][0]["ori_filename"] == item["img_metas"][0].data["ori_filename"]


def test_without_shuffling_the_last_batch_is_what_is_left(awkward: CocoPair, loader_type: str) -> None:
    loader = build(awkward, training(), shuffle=False, samples_per_gpu=4, loader_type=loader_type)
    sizes = [len(batch["img_metas"].data[0]) for batch in loader]
    assert sum(sizes) == len(loader.dataset)
    assert set(sizes[:-1]) == {4}


class RejectOdd:
    """Rejects samples by chance, as crops do."""

    def __call__(self, results: dict[str, Any]) -> dict[str, Any] | None:
        return None if np.random.random() < 0.5 else results


def test_replacements_of_rejected_samples_are_equal_too(awkward: CocoPair, native: Any) -> None:
    pipeline = [*LOAD, {"type": RejectOdd}, *augmenting()[2:]]
    python, cpp = (list(build(awkward, pipeline, loader_type=kind)) for kind in ("python", "c++"))
    for found, expected in zip(cpp, python, strict=True):
        assert_equal_batches(found, expected)


def test_what_hooks_look_for(awkward: CocoPair, loader_type: str) -> None:
    from mmcv.runner import EvalHook
    from mmdet.datasets import CocoDataset

    loader = build(awkward, TEST_PIPELINE, test_mode=True, shuffle=False, loader_type=loader_type)
    assert isinstance(loader.dataset, CocoDataset)
    assert loader.dataset.CLASSES == ("cat", "dog", "emu", "fox")
    assert EvalHook(loader, metric="bbox").dataloader is loader


def test_the_state_belongs_to_the_order(awkward: CocoPair, loader_type: str) -> None:
    straight = build(awkward, augmenting(), loader_type=loader_type)
    batches = list(straight)
    stopped = build(awkward, augmenting(), loader_type=loader_type)
    iterator = iter(stopped)
    next(iterator)
    state = stopped.state_dict()
    resumed = build(awkward, augmenting(), loader_type=loader_type, seed=99)
    resumed.load_state_dict(state)
    for found, expected in zip(resumed, batches[1:], strict=True):
        assert_equal_batches(found, expected)


def test_a_damaged_image_ends_the_epoch_with_its_name(awkward: CocoPair, loader_type: str, tmp_path: Path) -> None:
    path = Path(shutil.copytree(awkward.lake, tmp_path / "lake"))
    replace_sample(path, "images", 9, lambda data: data[:200] + bytes(len(data) - 200))
    loader = build(
        awkward._replace(lake=path),
        TEST_PIPELINE,
        test_mode=True,
        shuffle=False,
        samples_per_gpu=1,
        loader_type=loader_type,
    )
    batches = iter(loader)
    for _ in range(9):
        next(batches)
    with pytest.raises(DecodeError) as caught:
        next(batches)
    assert (caught.value.tensor, caught.value.index, caught.value.path) == ("images", 9, str(path))


def test_one_process_has_one_gpu(awkward: CocoPair) -> None:
    with pytest.raises(ConfigError, match="one process trains on one GPU, not on 2"):
        build(awkward, training(), num_gpus=2)
