"""Samples that come more or less often than once an epoch."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from penstock.detection.sampler import GroupedSampler, RepeatedSampler

INDICES = np.array([3, 5, 6, 10, 11, 20], np.int64)
GROUPS = np.array([0, 0, 1, 1, 0, 1], np.uint8)
FACTORS = np.array([1.0, 2.5, 0.25, 3.0, 1.0, 1.75])


def sampler(factors: np.ndarray = FACTORS, rank: int = 0, world_size: int = 1, batch_size: int = 1) -> RepeatedSampler:
    return RepeatedSampler(
        factors, INDICES, GROUPS, batch_size=batch_size, seed=lambda: 4, world=lambda: (rank, world_size)
    )


def epochs(made: GroupedSampler, count: int) -> list[list[int]]:
    found = []
    for epoch in range(count):
        made.set_epoch(epoch)
        assert len(made) == len(made.order())
        found.append(made.order().tolist())
    return found


def test_samples_come_as_often_as_their_factors_say() -> None:
    orders = epochs(sampler(), 2000)
    counts = [Counter(order) for order in orders]
    for index, factor in zip(INDICES.tolist(), FACTORS.tolist(), strict=True):
        times = {count[index] for count in counts}
        assert times == ({int(factor)} if factor == int(factor) else {int(factor), int(factor) + 1})
        assert sum(count[index] for count in counts) / len(counts) == pytest.approx(factor, abs=0.05)
    assert len({len(order) for order in orders}) > 3


def test_orders_are_random_and_follow_from_the_seed() -> None:
    first, second = epochs(sampler(), 5), epochs(sampler(), 5)
    assert first == second
    assert len({tuple(order) for order in first}) == 5
    assert any(order != sorted(order) for order in first)


def test_factors_of_one_change_nothing_but_the_order() -> None:
    plain = GroupedSampler(INDICES, GROUPS, batch_size=2, seed=lambda: 4)
    repeated = sampler(np.ones(6), batch_size=2)
    for one, other in zip(epochs(plain, 3), epochs(repeated, 3), strict=True):
        assert set(one) == set(other) == set(INDICES.tolist())
        assert len(one) == len(other) == 8


def test_batches_of_one_group_are_shared_out() -> None:
    group_of = dict(zip(INDICES.tolist(), GROUPS.tolist(), strict=True))
    ranks = [epochs(sampler(rank=rank, world_size=2, batch_size=2), 4) for rank in range(2)]
    alone = epochs(sampler(batch_size=4), 4)
    for epoch in range(4):
        one, two = (np.array(rank[epoch]).reshape(-1, 2) for rank in ranks)
        together = np.concatenate((one, two), axis=1)
        np.testing.assert_array_equal(together, np.array(alone[epoch]).reshape(-1, 4))
        assert all(len({group_of[index] for index in batch}) == 1 for batch in together.tolist())
