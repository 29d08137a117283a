"""Training on remote data: batches of one aspect ratio, out of few chunks at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock.errors import ConfigError
from support.chunk_visits import most_open
from support.coco_lakes import CocoPair
from support.detection import training
from support.far import far_dataset
from support.require import require

require("mmdet")

from penstock.detection.sampler import GroupedChunkSampler, GroupedSampler  # noqa: E402
from penstock.integrations import mmdet as mmdet_deeplake  # noqa: E402
from penstock.integrations.mmdet.config import parse_loader  # noqa: E402
from support.same_batches import assert_same_batches  # noqa: E402


def build(pair: CocoPair, *, far: bool = True, loader_type: str = "python", **options: Any) -> Any:
    path = Path(pair.lake)
    dataset = mmdet_deeplake.build_dataset(
        {"deeplake_path": None if far else str(path), "pipeline": training()},
        dataset=far_dataset(path) if far else None,
    )
    arguments: dict[str, Any] = {"samples_per_gpu": 3, "workers_per_gpu": 0, "seed": 7, "shuffle_window": 2, **options}
    return mmdet_deeplake.build_dataloader(dataset, loader_type=loader_type, **arguments)


def test_remote_data_is_shuffled_by_chunks(pair: CocoPair) -> None:
    loader, local, full = build(pair), build(pair, far=False), build(pair, shuffle="full")
    assert type(loader.sampler) is GroupedChunkSampler
    assert type(local.sampler) is type(full.sampler) is GroupedSampler
    assert list(local.sampler) == list(full.sampler)
    assert len(loader) == len(local)
    order = np.array(list(loader.sampler))
    assert set(order.tolist()) == set(loader.items.indices.tolist())
    flag = np.zeros(len(loader.items.source), np.int64)
    flag[loader.items.indices] = loader.items.flag
    groups = flag[order].reshape(-1, 3)
    assert (groups == groups[:, :1]).all()
    numbers = loader.items.source[loader.items.tensors.img].chunk_numbers()
    once = order[np.sort(np.unique(order, return_index=True)[1])]
    assert most_open(numbers[once]) <= 2 + 2 * 2


def test_both_loaders_give_the_same_batches(awkward: CocoPair, native: Any) -> None:
    with build(awkward) as python, build(awkward, loader_type="c++") as ours:
        assert_same_batches(list(ours), list(python))


def test_a_state_of_another_order_is_refused(awkward: CocoPair) -> None:
    state = build(awkward).state_dict()
    assert state["order"].startswith("chunk, window 2, images ")
    with pytest.raises(ConfigError, match=r"its order is 'chunk, window 2, .*', this loader's is 'full, "):
        build(awkward, shuffle="full").load_state_dict(state)
    with pytest.raises(ConfigError, match=r"its order is 'chunk, window 2, .*', this loader's is 'chunk, window 5, "):
        build(awkward, shuffle_window=5).load_state_dict(state)
    resumed = build(awkward, seed=8)
    resumed.load_state_dict(build(awkward).state_at(0, 1))
    assert len(list(resumed)) == len(resumed) - 1


@pytest.mark.parametrize("shuffle", ["chunk", "full", True, False])
def test_the_configuration_chooses(shuffle: bool | str, awkward: CocoPair) -> None:
    data = {"train": {"deeplake_dataloader": {"shuffle": shuffle, "shuffle_window": 8}}}
    settings = parse_loader(data, "train")
    assert (settings.shuffle, settings.options) == (shuffle, {"shuffle_window": 8})
    assert parse_loader({"val": data["train"]}, "val").shuffle is False
    loader = build(awkward, shuffle=settings.shuffle, **settings.options)
    expected = {"chunk": ("chunk", 8), "full": ("full", None), True: ("chunk", 8), False: ("none", None)}
    assert loader.sampler.mode == expected[shuffle]


def test_there_is_no_other_shuffling(awkward: CocoPair) -> None:
    with pytest.raises(ValueError, match="shuffle must be True, False or one of 'chunk', 'full', got 'chunks'"):
        build(awkward, shuffle="chunks")
