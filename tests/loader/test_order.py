"""Which samples come, in which order: a pure function of (seed, epoch), cut over ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import penstock
from penstock.loading.sampling import EpochSampler, epoch_order
from penstock.loading.streams import sample_generator
from support.require import require

Make = Callable[..., penstock.DataLoader]


@pytest.fixture(params=["c++", "python"])
def make(request: pytest.FixtureRequest, lake: Callable[[str], Path], native: Any) -> Iterator[Make]:
    """Makes loaders of 60 samples of one small tensor, with indices, of either type."""
    loaders = []

    def build(**arguments: Any) -> penstock.DataLoader:
        settings = {"tensors": ["equal/raw"], "return_index": True, "loader_type": request.param} | arguments
        loaders.append(penstock.DataLoader(lake("many_chunks"), **settings))
        return loaders[-1]

    yield build
    for loader in loaders:
        loader.close()


def indices(loader: penstock.DataLoader) -> list[int]:
    return [int(index) for batch in loader for index in batch["index"]]


def test_unshuffled_order_is_ascending(make: Make) -> None:
    assert indices(make(batch_size=7)) == list(range(60))


@pytest.mark.parametrize(("drop_last", "batches", "samples"), [(False, 9, 60), (True, 8, 56)])
def test_length_is_exact(make: Make, drop_last: bool, batches: int, samples: int) -> None:
    loader = make(batch_size=7, drop_last=drop_last)
    assert len(loader) == batches
    found = [len(batch["index"]) for batch in loader]
    assert len(found) == batches
    assert sum(found) == samples


def test_shuffled_order_follows_seed_and_epoch(make: Make) -> None:
    loader = make(batch_size=4, shuffle=True, seed=5)
    first, second = indices(loader), indices(loader)
    assert sorted(first) == sorted(second) == list(range(60))
    assert first != second != list(range(60))
    assert first == epoch_order(60, 5, 0).tolist()
    assert second == epoch_order(60, 5, 1).tolist()
    loader.set_epoch(0)
    assert indices(loader) == first
    loader.sampler.set_epoch(1)
    assert indices(loader) == second
    assert indices(make(batch_size=4, shuffle=True, seed=6)) != first


def test_without_a_seed_torchs_generator_governs(make: Make) -> None:
    torch.manual_seed(11)
    first = indices(make(batch_size=4, shuffle=True))
    torch.manual_seed(11)
    assert indices(make(batch_size=4, shuffle=True)) == first
    torch.manual_seed(12)
    assert indices(make(batch_size=4, shuffle=True)) != first
    seeded = [indices(make(batch_size=4, shuffle=True, generator=torch.Generator().manual_seed(3))) for _ in range(2)]
    assert seeded[0] == seeded[1]


def test_every_sample_once_over_all_ranks(make: Make) -> None:
    parts = [indices(make(batch_size=4, shuffle=True, seed=1, rank=rank, world_size=3)) for rank in range(3)]
    assert [len(part) for part in parts] == [20, 20, 20]
    assert sorted(index for part in parts for index in part) == list(range(60))


def test_a_sampler_of_ones_own(make: Make) -> None:
    assert indices(make(batch_size=2, sampler=[5, 3, 3, 59])) == [5, 3, 3, 59]
    loader = make(batch_sampler=[[1, 2, 3], [4]])
    assert len(loader) == 2
    assert [batch["index"].tolist() for batch in loader] == [[1, 2, 3], [4]]


def test_two_iterations_at_once_do_not_disturb_each_other(make: Make) -> None:
    loader = make(batch_size=5)
    pairs = list(zip(loader, loader, strict=True))
    assert [a["index"].tolist() for a, _ in pairs] == [b["index"].tolist() for _, b in pairs]
    assert sum(len(a["index"]) for a, _ in pairs) == 60


def test_the_sampler_has_what_mmcv_asks_of_it(make: Make) -> None:
    loader = make(batch_size=4, shuffle=True, seed=0)
    assert isinstance(loader, torch.utils.data.DataLoader)
    assert len(loader.sampler) == 60
    assert len(loader.dataset) == 60
    loader.sampler.set_epoch(3)
    assert list(loader.sampler) == epoch_order(60, 0, 3).tolist()


@given(
    length=st.integers(1, 200),
    world_size=st.integers(1, 17),
    batch_size=st.integers(1, 9),
    drop_last=st.booleans(),
    shuffle=st.booleans(),
    epoch=st.integers(0, 5),
)
def test_ranks_share_out_the_epoch(
    length: int, world_size: int, batch_size: int, drop_last: bool, shuffle: bool, epoch: int
) -> None:
    parts = []
    for rank in range(world_size):
        sampler = EpochSampler(
            length,
            shuffle=shuffle,
            seed=lambda: 9,
            world=lambda rank=rank: (rank, world_size),
            drop_last=drop_last,
        )
        sampler.set_epoch(epoch)
        part = list(sampler)
        assert len(part) == len(sampler)
        parts.append(part)
    assert len({len(part) for part in parts}) == 1
    together = [index for step in zip(*parts, strict=True) for index in step]
    order = epoch_order(length, 9, epoch).tolist() if shuffle else list(range(length))
    if drop_last:
        assert together == order[: length // world_size * world_size]
    else:
        assert together[:length] == order
        # The tail is the order's start again, as little of it as fills up the ranks.
        assert len(together) - length < world_size
        assert together[length:] == (order * world_size)[: len(together) - length]


@given(seed=st.integers(0, 2**63 - 1), epoch=st.integers(0, 2**40), index=st.integers(0, 2**40))
def test_each_sample_has_its_own_stream(seed: int, epoch: int, index: int) -> None:
    draws = sample_generator(seed, epoch, index).random(4)
    np.testing.assert_array_equal(draws, sample_generator(seed, epoch, index).random(4))
    for other in ((seed ^ 1, epoch, index), (seed, epoch + 1, index), (seed, epoch, index + 1)):
        assert not np.array_equal(draws, sample_generator(*other).random(4))


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63), st.integers(0, 2**63), st.integers(1, 40))
def test_the_core_draws_the_same_numbers(seed: int, epoch: int, index: int, count: int) -> None:
    core = require("core_parts")
    np.testing.assert_array_equal(
        core.sample_randoms(seed, epoch, index, count), sample_generator(seed, epoch, index).random(count)
    )


def numpys_order(length: int, seed: int, epoch: int) -> np.ndarray[Any, Any]:
    """The order as numpy makes it, with the stream of penstock.loading.streams."""
    words = [np.array(values, dtype=np.uint64) for values in ([seed, epoch], [0, 0, 0, 1])]
    return np.random.Generator(np.random.Philox(key=words[0], counter=words[1])).permutation(length)


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**40), st.integers(0, 2000))
def test_an_order_is_numpys(native: Any, seed: int, epoch: int, length: int) -> None:
    order = epoch_order(length, seed, epoch)
    assert order.dtype == np.int64
    np.testing.assert_array_equal(order, numpys_order(length, seed, epoch))


@pytest.mark.parametrize("length", [2**16 + 1, 3_000_000])
def test_a_long_order_is_numpys(native: Any, length: int) -> None:
    np.testing.assert_array_equal(epoch_order(length, 7, 3), numpys_order(length, 7, 3))


def test_an_order_without_the_core_is_the_same(native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = epoch_order(1000, 7, 3)
    monkeypatch.setattr("penstock.loading.streams.HAVE_NATIVE", False)
    monkeypatch.setattr("penstock.loading.streams.require_native", None)
    np.testing.assert_array_equal(epoch_order(1000, 7, 3), expected)


@pytest.mark.parametrize("length", [-1, 2**32])
def test_the_core_refuses_other_lengths(native: Any, length: int) -> None:
    with pytest.raises(ValueError, match="length is below 2\\^32"):
        native.permutation(0, 0, 1, length)
