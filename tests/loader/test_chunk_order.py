"""The order that reads few chunks at a time: every sample once, few chunks open, ranks with chunks of their own."""

from __future__ import annotations

import time
import zlib

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.loading.chunk_order import Chunks, chunk_order
from support.chunk_visits import chunk_numbers, most_open
from support.examples import examples

Indices = npt.NDArray[np.int64]


def order_of(chunks: Chunks, window: int, seed: int = 3, epoch: int = 0) -> Indices:
    return chunk_order(chunks, seed, epoch, window=window, length=int(chunks.ends[-1]))


@examples(300)
@given(numbers=chunk_numbers(), window=st.integers(1, 40), seed=st.integers(0, 2**63 - 1), epoch=st.integers(0, 9))
def test_every_sample_once_with_few_chunks_open(numbers: Indices, window: int, seed: int, epoch: int) -> None:
    order = order_of(Chunks.of(numbers), window, seed, epoch)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(len(numbers)))
    assert most_open(numbers[order]) <= window


@examples(100)
@given(numbers=chunk_numbers(), window=st.integers(1, 40))
def test_it_follows_from_seed_and_epoch_alone(numbers: Indices, window: int) -> None:
    chunks = Chunks.of(numbers)
    order = order_of(chunks, window)
    np.random.default_rng().random(5)
    np.testing.assert_array_equal(order, order_of(Chunks.of(numbers.copy()), window))
    # Which numbers the chunks have does not matter, as long as they stand for the same chunks in the same order.
    np.testing.assert_array_equal(order, order_of(Chunks.of(numbers * 7 + 5), window))


@examples(300)
@given(
    numbers=chunk_numbers(),
    window=st.integers(1, 20),
    world_size=st.integers(1, 9),
    drop_last=st.booleans(),
    epoch=st.integers(0, 3),
)
def test_ranks_share_out_samples_and_chunks(
    numbers: Indices, window: int, world_size: int, drop_last: bool, epoch: int
) -> None:
    chunks, total = Chunks.of(numbers), len(numbers)
    length = total // world_size if drop_last else -(-total // world_size)
    ranks = [
        chunk_order(chunks, 5, epoch, window=window, length=length, rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]
    assert {len(order) for order in ranks} == {length}
    together = np.concatenate(ranks)
    counts = np.bincount(together, minlength=total)
    if drop_last:
        assert counts.max(initial=0) <= 1
        assert total - len(together) < world_size
    else:
        assert counts.min() >= 1
        # What fills up the last ranks is the order's beginning, as little of it as needed and as evenly.
        assert len(together) - total < world_size
        assert counts.max() - counts.min() <= 1
    # Without what fills up, spans are cut from one order of the chunks: each ends within one chunk at most.
    if drop_last or length * world_size == total:
        readers = sum(len(np.unique(numbers[order])) for order in ranks)
        assert readers <= len(chunks) + world_size - 1
        assert all(most_open(numbers[order]) <= window for order in ranks)


def test_a_world_of_one_rank_is_no_other_order() -> None:
    chunks = Chunks.of(np.repeat(np.arange(10), 6))
    alone = chunk_order(chunks, 1, 2, window=4, length=60)
    np.testing.assert_array_equal(alone, chunk_order(chunks, 1, 2, window=4, length=60, rank=0, world_size=1))
    halves = [chunk_order(chunks, 1, 2, window=4, length=30, rank=rank, world_size=2) for rank in range(2)]
    assert sorted(np.concatenate(halves).tolist()) == list(range(60))
    assert not set(halves[0].tolist()) & set(halves[1].tolist())


def test_a_window_of_one_goes_chunk_by_chunk() -> None:
    numbers = np.repeat(np.arange(20), 8)
    order = order_of(Chunks.of(numbers), window=1)
    in_turn = numbers[order].reshape(20, 8)
    assert (in_turn == in_turn[:, :1]).all()
    assert in_turn[:, 0].tolist() != list(range(20))
    within = order.reshape(20, 8) % 8
    assert len({tuple(row) for row in within.tolist()}) > 15


@pytest.mark.parametrize("numbers", [[0] * 12, [4], list(range(30))], ids=["one chunk", "one sample", "chunks of one"])
@pytest.mark.parametrize("window", [1, 2, 16, 10**9])
def test_extremes(numbers: list[int], window: int) -> None:
    stored = np.array(numbers, dtype=np.int64)
    order = order_of(Chunks.of(stored), window)
    assert sorted(order.tolist()) == list(range(len(numbers)))
    if len(numbers) > 1:
        assert order.tolist() != list(range(len(numbers)))


def test_orders_stay_what_they_are() -> None:
    """Whatever numpy sorts with, and whatever is changed: checkpoints go on in the order that they began."""
    order = chunk_order(Chunks.of(np.repeat(np.arange(5), 4)), 5, 2, window=2, length=20)
    assert order.tolist() == [17, 19, 16, 18, 2, 0, 3, 5, 1, 4, 10, 6, 8, 7, 9, 14, 12, 11, 15, 13]
    longer = chunk_order(Chunks.of(np.repeat(np.arange(5000), 7)), 5, 2, window=16, length=35_000)
    assert zlib.crc32(longer.tobytes()) == 1340579251


def test_epochs_differ() -> None:
    chunks = Chunks.of(np.repeat(np.arange(30), 5))
    orders = {tuple(order_of(chunks, 4, seed, epoch).tolist()) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16


def test_a_window_twice_as_long_as_all_chunks_is_a_full_permutation() -> None:
    """Each sample is as often at each place: chi-squared over the places of 8 samples in 4,000 epochs."""
    chunks = Chunks.of(np.repeat(np.arange(4), 2))
    counts = np.zeros((8, 8))
    for epoch in range(4000):
        counts[order_of(chunks, 8, epoch=epoch), np.arange(8)] += 1
    chi_squared = float(((counts - 500) ** 2 / 500).sum())
    # 49 degrees of freedom: the 99.99 % quantile is 94.
    assert chi_squared < 94


def test_every_chunk_is_as_often_at_each_turn() -> None:
    chunks = Chunks.of(np.repeat(np.arange(6), 3))
    counts = np.zeros((6, 6))
    for epoch in range(3000):
        counts[order_of(chunks, 1, epoch=epoch)[::3] // 3, np.arange(6)] += 1
    # 25 degrees of freedom: the 99.99 % quantile is 60.
    assert float(((counts - 500) ** 2 / 500).sum()) < 60


def test_chunks_open_at_a_steady_pace() -> None:
    """Nothing is read in bursts: however many samples pass, about as many chunks open as hold so many samples."""
    numbers = np.repeat(np.arange(400), 25)
    order = order_of(Chunks.of(numbers), window=16)
    first = np.sort(np.unique(numbers[order], return_index=True)[1])
    opened = np.searchsorted(first, np.arange(0, len(order), 500))[1:]
    # Half a window's chunks are opened ahead; 500 samples are 20 chunks.
    steps = np.diff(opened)[1:-2]
    assert steps.min() >= 12
    assert steps.max() <= 28


def test_ten_million_samples_take_about_a_second() -> None:
    chunks = Chunks.of(np.repeat(np.arange(10**7 // 30 + 1), 30)[: 10**7])
    before = time.process_time()
    order = chunk_order(chunks, 1, 0, window=16, length=10**7)
    seconds = time.process_time() - before
    # Sorting is most of it; the time of a permutation of as many numbers tells how fast this machine is.
    before = time.process_time()
    np.random.default_rng(0).permutation(10**7)
    assert seconds < 6 * (time.process_time() - before) + 1
    assert (np.bincount(order, minlength=10**7) == 1).all()
