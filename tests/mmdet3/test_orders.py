"""The orders that a loader knows ahead, against MMEngine's samplers and MMDetection's batch sampler."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples


class Sizes:
    """A dataset of which samplers know sizes."""

    def __init__(self, wide: list[bool]) -> None:
        self.wide = wide

    def __len__(self) -> int:
        return len(self.wide)

    def get_data_info(self, index: int) -> dict[str, int]:
        return {"width": 4 if self.wide[index] else 3, "height": 3 if index % 2 else 4}

    @property
    def groups(self) -> Any:
        infos = [self.get_data_info(index) for index in range(len(self))]
        return np.array([info["width"] >= info["height"] for info in infos], np.uint8)


def ranked(sampler: Any, rank: int, world_size: int) -> Any:
    """A sampler as it would be on a rank."""
    import math

    sampler.rank, sampler.world_size = rank, world_size
    if hasattr(sampler, "round_up"):
        length = len(sampler.dataset)
        if sampler.round_up:
            sampler.num_samples = math.ceil(length / world_size)
            sampler.total_size = sampler.num_samples * world_size
        else:
            sampler.num_samples, sampler.total_size = math.ceil((length - rank) / world_size), length
    else:
        sampler.indices = sampler._indices_of_rank()
    return sampler


def batches_of(sampler: Any, batch_size: int, grouped: bool) -> Any:
    from mmdet.datasets import AspectRatioBatchSampler
    from torch.utils.data import BatchSampler

    return (AspectRatioBatchSampler if grouped else BatchSampler)(sampler, batch_size, False)


SIZES = st.lists(st.booleans(), min_size=1, max_size=40).map(Sizes)
RANKS = st.integers(1, 4).flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size)))


@examples(60)
@given(SIZES, st.integers(1, 6), RANKS, st.booleans(), st.booleans(), st.booleans(), st.integers(0, 99))
def test_default(
    data: Sizes, batch_size: int, ranks: tuple[int, int], grouped: bool, shuffle: bool, round_up: bool, seed: int
) -> None:
    from mmengine.dataset import DefaultSampler

    from penstock.integrations.openmmlab.orders import DefaultOrder

    samples = np.arange(len(data)) * 3 + 1
    sampler = ranked(DefaultSampler(data, shuffle, seed, round_up), *ranks)
    order = DefaultOrder(
        samples,
        seed=lambda: seed,
        batch_size=batch_size,
        shuffle=shuffle,
        round_up=round_up,
        groups=data.groups if grouped else None,
        world=lambda: ranks,
    )
    for epoch in (0, 1, 7):
        sampler.set_epoch(epoch)
        order.set_epoch(epoch)
        expected = [samples[batch].tolist() for batch in batches_of(sampler, batch_size, grouped)]
        got = order.order().tolist()
        assert [got[at : at + batch_size] for at in range(0, len(got), batch_size)] == expected
        assert len(order) == len(got) == len(sampler)


@examples(60)
@given(SIZES, st.integers(1, 6), RANKS, st.booleans(), st.booleans(), st.integers(0, 99))
def test_endless(
    data: Sizes, batch_size: int, ranks: tuple[int, int], grouped: bool, shuffle: bool, seed: int
) -> None:
    from mmengine.dataset import InfiniteSampler

    from penstock.integrations.openmmlab.orders import EndlessOrder

    samples = np.arange(len(data)) * 3 + 1
    order = EndlessOrder(
        samples,
        seed=lambda: seed,
        batch_size=batch_size,
        shuffle=shuffle,
        groups=data.groups if grouped else None,
        world=lambda: ranks,
    )
    got: list[int] = []
    lengths = []
    for epoch in range(6):
        order.set_epoch(epoch)
        own = order.order().tolist()
        assert len(order) == len(own) >= batch_size and len(own) % batch_size == 0
        lengths.append(len(own))
        got += own
    stock = batches_of(ranked(InfiniteSampler(data, shuffle, seed), *ranks), batch_size, grouped)
    expected = list(itertools.islice(stock, len(got) // batch_size))
    assert got == [index for batch in expected for index in samples[batch].tolist()]
    # Epochs by themselves, in any order, are those that come one after the other.
    for epoch in (4, 1, 5):
        order.set_epoch(epoch)
        assert order.order().tolist() == got[sum(lengths[:epoch]) : sum(lengths[: epoch + 1])]


def test_an_image_comes_once_in_an_endless_epoch_but_for_batches_at_its_ends() -> None:
    from penstock.integrations.openmmlab.orders import EndlessOrder

    order = EndlessOrder(np.arange(1000), seed=lambda: 5, batch_size=8)
    for epoch in range(5):
        order.set_epoch(epoch)
        assert len(order.order()) - len(set(order.order().tolist())) < 8


def test_going_on_within_an_epoch() -> None:
    from penstock.integrations.openmmlab.orders import DefaultOrder
    from penstock.loading.stages import Stage

    def made(rank: int, world_size: int) -> DefaultOrder:
        return DefaultOrder(np.arange(22), seed=lambda: 1, batch_size=3, world=lambda: (rank, world_size))

    whole = [made(rank, 2) for rank in range(2)]
    for order in whole:
        assert order.order((Stage(2, 6),)).tolist() == order.order().tolist()[6:]
    taken = {index for order in whole for index in order.order().tolist()[:6]}
    alone = made(0, 1)
    assert sorted(alone.order((Stage(2, 6),)).tolist()) == sorted(set(range(22)) - taken)


@pytest.mark.parametrize("epoch", [0, 3])
def test_without_samples(epoch: int) -> None:
    from penstock.integrations.openmmlab.orders import DefaultOrder

    order = DefaultOrder(np.zeros(0, np.int64), seed=lambda: 1, batch_size=3, groups=np.zeros(0, np.uint8))
    order.set_epoch(epoch)
    assert len(order) == len(order.order()) == 0
