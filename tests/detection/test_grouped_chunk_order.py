"""Batches of one group each, out of a window of chunks."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.detection.sampler import GroupedChunkSampler, GroupedSampler
from penstock.loading.chunk_order import Chunks, grouped_chunk_order
from support.chunk_visits import chunk_numbers, most_open
from support.examples import examples

Indices = npt.NDArray[np.int64]


@st.composite
def grouped(draw: st.DrawFn) -> tuple[Indices, list[Indices]]:
    """Chunk of each item, without gaps, and the items of each group: at random, or chunks of one group alone."""
    numbers = Chunks.of(draw(chunk_numbers())).numbers()
    kinds = draw(st.integers(1, 3))
    if draw(st.booleans()):
        group_of = numbers % kinds
    else:
        group_of = np.array(draw(st.lists(st.integers(0, kinds - 1), min_size=len(numbers), max_size=len(numbers))))
    return numbers, [np.flatnonzero(group_of == group) for group in np.unique(group_of)]


def first_times(order: Indices) -> Indices:
    """Each item once, where it comes first: without those that fill up."""
    return order[np.sort(np.unique(order, return_index=True)[1])]


@examples(300)
@given(
    items=grouped(), window=st.integers(1, 30), batch_size=st.integers(1, 7), world_size=st.integers(1, 5),
    seed=st.integers(0, 2**63 - 1), epoch=st.integers(0, 5),
)  # fmt: skip
def test_batches_are_of_one_group_and_few_chunks_are_open(
    items: tuple[Indices, list[Indices]], window: int, batch_size: int, world_size: int, seed: int, epoch: int
) -> None:
    numbers, groups = items
    ranks = [
        grouped_chunk_order(
            numbers, groups, seed, epoch, window=window, batch_size=batch_size, rank=rank, world_size=world_size
        )
        for rank in range(world_size)
    ]
    group_of = np.zeros(len(numbers), np.int64)
    for group, members in enumerate(groups):
        group_of[members] = group
    step = batch_size * world_size
    counts = np.bincount(np.concatenate(ranks), minlength=len(numbers))
    for members in groups:
        filled = -(-len(members) // step) * step
        assert counts[members].sum() == filled
        assert set(counts[members].tolist()) <= {filled // len(members), -(-filled // len(members))}
    bound = window + len(groups) * (batch_size - 1)
    for rank, order in enumerate(ranks):
        assert len(order) == len(ranks[0])
        batches = group_of[order].reshape(-1, batch_size)
        assert (batches == batches[:, :1]).all()
        # What fills up another rank's items comes from chunks that are read a second time.
        ends = [(rank + 1) * -(-len(members) // step) * batch_size for members in groups]
        if world_size == 1 or all(end <= len(members) for end, members in zip(ends, groups, strict=True)):
            assert most_open(numbers[first_times(order)]) <= bound
    again = grouped_chunk_order(
        numbers.copy(), groups, seed, epoch, window=window, batch_size=batch_size, world_size=world_size
    )
    np.testing.assert_array_equal(again, ranks[0])


def test_a_chunk_is_read_by_few_ranks() -> None:
    rng = np.random.default_rng(1)
    numbers = np.repeat(np.arange(400), 30)
    group_of = (rng.random(len(numbers)) < 0.3).astype(np.int64)
    groups = [np.flatnonzero(group_of == group) for group in range(2)]
    ranks = [
        grouped_chunk_order(numbers, groups, 3, 0, window=16, batch_size=4, rank=rank, world_size=8)
        for rank in range(8)
    ]
    readers = sum(len(np.unique(numbers[order])) for order in ranks)
    # Where a rank's spans of the groups end differs by a few chunks.
    assert readers < 1.15 * 400


GROUPS = np.array([0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1], dtype=np.uint8)
INDICES = np.arange(len(GROUPS), dtype=np.int64) * 3 + 1
CHUNKS = Chunks.of(np.arange(40) // 6)


def sampler(kind: Any = GroupedChunkSampler, seed: int = 5, rank: int = 0, world_size: int = 1) -> GroupedSampler:
    arguments: Any = (CHUNKS, 2, INDICES, GROUPS) if kind is GroupedChunkSampler else (INDICES, GROUPS)
    return kind(*arguments, batch_size=2, seed=lambda: seed, world=lambda: (rank, world_size))  # type: ignore[no-any-return]


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_lengths_are_those_without_chunks(world_size: int) -> None:
    ranks = [sampler(rank=rank, world_size=world_size) for rank in range(world_size)]
    plain = sampler(GroupedSampler, world_size=world_size)
    assert {len(order) for order in ranks} == {len(list(order)) for order in ranks} == {len(plain)}
    counts = Counter(index for order in ranks for index in order)
    assert set(counts) == set(INDICES.tolist())


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    one, other = sampler(), sampler()
    assert list(one) == list(one) == list(other)
    other.set_epoch(1)
    assert list(one) != list(other)
    assert list(one) != list(sampler(seed=6))
    assert one.mode == ("chunk", 2)


def test_orders_stay_what_they_are() -> None:
    groups = [np.arange(0, 20, 3), np.setdiff1d(np.arange(20), np.arange(0, 20, 3))]
    order = grouped_chunk_order(np.repeat(np.arange(5), 4), groups, 5, 2, window=2, batch_size=2)
    assert order.tolist() == [19, 14, 15, 12, 17, 13, 16, 7, 18, 6, 5, 4, 2, 10, 3, 9, 1, 11, 8, 13, 0, 12]


def test_orders_without_chunks_stay_what_they_were() -> None:
    """Of the first version: checkpoints and figures of local datasets depend on them."""
    alone = GroupedSampler(INDICES, GROUPS, batch_size=4, seed=lambda: 5)
    alone.set_epoch(2)
    assert list(alone) == [28, 7, 4, 16, 1, 22, 10, 1, 19, 13, 25, 31]
    assert list(sampler(GroupedSampler, rank=1, world_size=2)) == [7, 13, 10, 1, 4, 19]
