"""Batches of one group: order, coverage, and MMDetection's own sampler as the measure of lengths."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from support.require import require

require("mmdet")

from penstock.integrations.mmdet.sampler import GroupedSampler  # noqa: E402

GROUPS = np.array([0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1], dtype=np.uint8)
INDICES = np.arange(len(GROUPS), dtype=np.int64) * 3 + 1


def sampler(batch_size: int = 4, seed: int = 5, groups: np.ndarray = GROUPS) -> GroupedSampler:
    return GroupedSampler(INDICES[: len(groups)], groups, batch_size=batch_size, seed=lambda: seed)


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
