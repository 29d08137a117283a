"""Batches of one group: order, coverage, and MMDetection's own sampler as the measure of lengths."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from support.require import require

require("mmdet")

from penstock.detection.sampler import GroupedSampler, OrderedSampler  # noqa: E402

GROUPS = np.array([0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1], dtype=np.uint8)
INDICES = np.arange(len(GROUPS), dtype=np.int64) * 3 + 1


def sampler(
    batch_size: int = 4, seed: int = 5, groups: np.ndarray = GROUPS, rank: int = 0, world_size: int = 1
) -> GroupedSampler:
    return GroupedSampler(
        INDICES[: len(groups)],
        groups,
        batch_size=batch_size,
        seed=lambda: seed,
        world=lambda: (rank, world_size),
    )


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 8, 100])
def test_batches_are_of_one_group_and_cover_everything(batch_size: int) -> None:
    order = sampler(batch_size)
    indices = list(order)
    assert len(indices) == len(order)
    group_of = dict(zip(INDICES.tolist(), GROUPS.tolist(), strict=True))
    for start in range(0, len(indices), batch_size):
        batch = indices[start : start + batch_size]
        assert len({group_of[index] for index in batch}) == 1
    assert set(indices) == set(INDICES.tolist())


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 8, 100])
@pytest.mark.parametrize("groups", [GROUPS, np.zeros(5, np.uint8), np.ones(3, np.uint8)])
def test_lengths_are_stocks(batch_size: int, groups: np.ndarray) -> None:
    from mmdet.datasets.samplers import GroupSampler

    stock = GroupSampler(SimpleNamespace(flag=groups), batch_size)
    assert len(sampler(batch_size, groups=groups)) == len(stock) == len(list(stock))


def test_a_group_is_filled_up_evenly() -> None:
    counts = Counter(sampler(batch_size=4))
    small = [counts[index] for index in INDICES[GROUPS == 0].tolist()]
    large = [counts[index] for index in INDICES[GROUPS == 1].tolist()]
    assert sorted(small) == [1, 1, 2]
    assert sorted(large) == [1] * 8
    assert set(Counter(sampler(batch_size=100)).values()) <= {12, 13, 33, 34}


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    one, other = sampler(), sampler()
    assert list(one) == list(one) == list(other)
    other.set_epoch(1)
    assert list(one) != list(other)
    assert list(one) != list(sampler(seed=6))
    other.set_epoch(0)
    assert list(one) == list(other)


def test_every_sample_can_be_in_every_batch() -> None:
    order = sampler(batch_size=2)
    seen = set()
    for epoch in range(200):
        order.set_epoch(epoch)
        seen |= {(index, position // 2) for position, index in enumerate(order)}
    assert seen == {(index, batch) for index in INDICES.tolist() for batch in range(len(order) // 2)}


@pytest.mark.parametrize("world_size", [2, 3, 8])
@pytest.mark.parametrize("batch_size", [1, 2, 5])
@pytest.mark.parametrize("groups", [GROUPS, np.zeros(5, np.uint8)], ids=["two groups", "one"])
def test_ranks_share_each_step(batch_size: int, world_size: int, groups: np.ndarray) -> None:
    from mmdet.datasets.samplers import DistributedGroupSampler

    ranks = [sampler(batch_size, groups=groups, rank=rank, world_size=world_size) for rank in range(world_size)]
    alone = sampler(batch_size * world_size, groups=groups)
    for order in (*ranks, alone):
        order.set_epoch(3)
    stock = DistributedGroupSampler(SimpleNamespace(flag=groups), batch_size, world_size, 0)
    assert {len(order) for order in ranks} == {len(list(order)) for order in ranks} == {len(stock)}
    parts = [np.array(list(order)).reshape(-1, batch_size) for order in ranks]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1).reshape(-1), list(alone))


@pytest.mark.parametrize("world_size", [1, 2, 3, 20])
def test_results_in_turns_are_in_the_datasets_order(world_size: int) -> None:
    ranks = [OrderedSampler(INDICES, world=lambda rank=rank: (rank, world_size)) for rank in range(world_size)]
    assert {len(order) for order in ranks} == {len(list(order)) for order in ranks} == {-(-11 // world_size)}
    in_turns = [index for indices in zip(*ranks, strict=True) for index in indices]
    assert in_turns[:11] == INDICES.tolist()
    assert set(in_turns) == set(INDICES.tolist())
