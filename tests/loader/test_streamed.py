"""Samplers of the user's own, which may be endless or decide as they go; and datasets of torch's kinds."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler, ConcatDataset, RandomSampler, Sampler, Subset, random_split

import penstock
from support.same import assert_same

Lake = Callable[[str], Path]

TYPES = pytest.mark.parametrize("loader_type", ["c++", "python"])


def make(path: Any, loader_type: str, batch_size: int | None = 5, **arguments: Any) -> penstock.DataLoader:
    settings: dict[str, Any] = {"tensors": ["equal/raw"], "return_index": True}
    return penstock.DataLoader(path, batch_size, loader_type=loader_type, **(settings | arguments))


def indices(batches: Any) -> list[list[int]]:
    return [batch["index"].tolist() for batch in batches]


class Lengthless(Sampler[int]):
    def __init__(self, source: Callable[[], Iterator[Any]]) -> None:
        self.source = source

    def __iter__(self) -> Iterator[Any]:
        return self.source()


class WithLength(Lengthless):
    def __len__(self) -> int:
        return 20


@TYPES
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", [Lengthless, WithLength])
def test_endless_samplers(kind: type[Lengthless], workers: int, loader_type: str, lake: Lake, native: Any) -> None:
    drawn: list[int] = []

    def endless() -> Iterator[int]:
        for index in itertools.cycle(range(20)):
            drawn.append(index)
            yield index

    collate = {"collate_fn": take_indices} if workers else {}
    loader = make(lake("many_chunks"), loader_type, sampler=kind(endless), num_workers=workers, **collate)
    batches = list(itertools.islice(loader, 12))
    found = batches if workers else indices(batches)
    assert found == [[(5 * number + i) % 20 for i in range(5)] for number in range(12)]
    # Drawn a few batches ahead, not more.
    assert len(drawn) <= 5 * (12 + 4 * (1 + workers) + 2)


def take_indices(samples: list[Any]) -> list[int]:
    return [sample["index"] for sample in samples]


@TYPES
def test_an_endless_batch_sampler_and_a_generator(loader_type: str, lake: Lake, native: Any) -> None:
    batches = Lengthless(lambda: ([k % 20, (k + 1) % 20] for k in itertools.count()))
    loader = penstock.DataLoader(
        lake("many_chunks"), tensors=["equal/raw"], return_index=True, batch_sampler=batches, loader_type=loader_type
    )
    assert indices(itertools.islice(loader, 3)) == [[0, 1], [1, 2], [2, 3]]
    once = make(lake("many_chunks"), loader_type, sampler=(index for index in range(12)))
    assert indices(once) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11]]
    with pytest.raises(TypeError):
        len(make(lake("many_chunks"), loader_type, sampler=Lengthless(lambda: iter(range(3)))))


@TYPES
def test_a_sampler_may_decide_as_it_goes(loader_type: str, lake: Lake, native: Any) -> None:
    hard = [0]
    sampler = Lengthless(lambda: (hard[-1] for _ in range(60)))
    found = []
    for number, batch in enumerate(make(lake("many_chunks"), loader_type, sampler=sampler)):
        found.append(set(batch["index"].tolist()))
        hard.append(number + 1)
    assert len(found) == 12
    # What was decided while the epoch went on has come.
    assert max(max(batch) for batch in found) >= 6


@TYPES
@pytest.mark.parametrize("bad", [60, -61])
def test_an_index_that_there_is_not(bad: int, loader_type: str, lake: Lake, native: Any) -> None:
    loader = make(lake("many_chunks"), loader_type, sampler=Lengthless(lambda: iter([1, 2, 3, 4, 5, bad])))
    iterator = iter(loader)
    with pytest.raises(IndexError, match=f"sample {bad} is out of range"):
        list(iterator)


@TYPES
def test_no_batches_but_samples(loader_type: str, lake: Lake, native: Any) -> None:
    loader = make(lake("many_chunks"), loader_type, batch_size=None)
    torchs = torch.utils.data.DataLoader(loader.dataset, batch_size=None)
    assert len(loader) == len(loader.dataset) == len(list(loader))
    assert_same(list(loader), list(torchs))
    own = make(lake("many_chunks"), loader_type, batch_size=None, collate_fn=lambda sample: sample["index"] + 1)
    assert list(own) == list(range(1, 61))
    lists = BatchSampler(range(60), 7, False)
    batched = make(lake("many_chunks"), loader_type, batch_size=None, sampler=lists)
    assert indices(batched) == list(lists)


@TYPES
def test_subsets_and_splits_and_concatenations(loader_type: str, lake: Lake, native: Any) -> None:
    dataset = penstock.open(lake("many_chunks"))
    expected = [sample for (sample,) in (batch["equal/raw"] for batch in make(dataset, loader_type, 1))]
    one, other = random_split(dataset, [50, 10], generator=torch.Generator().manual_seed(1))
    for part in (one, other, Subset(one, range(3, 9)), Subset(dataset, [-1, 0, 0])):
        own = part.indices if part.dataset is dataset else [one.indices[i] for i in part.indices]
        loader = make(part, loader_type)
        assert len(loader.dataset) == len(part)
        got = [sample for batch in loader for sample in batch["equal/raw"]]
        assert_same(got, [expected[index] for index in own])
    both = make(ConcatDataset([Subset(dataset, [5, 6]), dataset]), loader_type)
    got = [sample for batch in both for sample in batch["equal/raw"]]
    assert_same(got, [expected[5], expected[6], *expected])
    over = make(Subset(make(dataset, loader_type).dataset, [4, 2]), loader_type, tensors=None, return_index=False)
    assert_same([sample for batch in over for sample in batch["equal/raw"]], [expected[4], expected[2]])
    with pytest.raises(IndexError, match="a Subset names sample 60"):
        make(Subset(dataset, [60]), loader_type)


@TYPES
@pytest.mark.parametrize("shuffle", [False, "full", "chunk"])
@pytest.mark.parametrize("ranks", [1, 3])
def test_a_dataset_without_samples(loader_type: str, shuffle: Any, ranks: int, lake: Lake, native: Any) -> None:
    nothing = Subset(penstock.open(lake("many_chunks")), [])
    loader = make(nothing, loader_type, shuffle=shuffle, rank=0, world_size=ranks)
    assert len(loader) == 0 and list(loader) == []
    assert loader.stats()["samples"] == 0


@TYPES
def test_two_iterators_and_a_length(loader_type: str, lake: Lake, native: Any) -> None:
    loader = make(lake("many_chunks"), loader_type, shuffle=True, seed=1)
    pairs = list(zip(loader, loader, strict=True))
    assert len(iter(loader)) == len(pairs) == 12
    assert sorted(index for batch, _ in pairs for index in batch["index"].tolist()) == list(range(60))
    assert indices([pairs[0][0]]) != indices([pairs[0][1]])


def test_two_iterators_over_persistent_workers(lake: Lake) -> None:
    loader = make(lake("many_chunks"), "python", num_workers=1, persistent_workers=True)
    assert len(list(zip(loader, loader, strict=True))) == 12
    assert len(list(loader)) == 12
    loader.close()


@TYPES
def test_the_epoch_is_decided_with_the_first_batch(loader_type: str, lake: Lake, native: Any) -> None:
    def make_one() -> penstock.DataLoader:
        return make(lake("many_chunks"), loader_type, shuffle=True, seed=1)

    expected = make_one()
    expected.set_epoch(4)
    loader = make_one()
    iterator = iter(loader)
    loader.sampler.set_epoch(4)  # type: ignore[attr-defined]
    assert indices(iterator) == indices(expected)


@TYPES
def test_random_samplers_draw_what_torch_has_them_draw(loader_type: str, lake: Lake, native: Any) -> None:
    def orders(kind: Any, dataset: Any, **arguments: Any) -> list[list[int]]:
        torch.manual_seed(5)
        loader = kind(dataset, batch_size=5, sampler=RandomSampler(range(60)), **arguments)
        return [
            [int(i) for batch in loader for i in (batch["index"] if isinstance(batch, dict) else batch)]
            for _ in range(3)
        ]

    arguments = {"tensors": ["equal/raw"], "return_index": True, "loader_type": loader_type}
    ours = orders(penstock.DataLoader, lake("many_chunks"), **arguments)
    assert ours == orders(torch.utils.data.DataLoader, list(range(60)))
    assert np.array(ours).shape == (3, 60)
