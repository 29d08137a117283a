"""Loaders that shuffle chunk by chunk keep all that loaders promise of an order."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import penstock
from penstock import errors
from penstock.dataset.joined import JoinedDataset
from penstock.dataset.lake3.dataset import Lake3Dataset, Selection
from penstock.dataset.lake3.rows import RowIndex
from penstock.loading.chunk_order import Chunks, chunk_order
from penstock.loading.chunk_sampler import stored_chunks
from penstock.loading.sampling import epoch_order
from penstock.storage.local import LocalStore
from penstock.storage.provider import ProviderStore
from support.chunk_visits import most_open
from support.far import far_dataset

Lake = Callable[[str], Path]
Make = Callable[..., penstock.DataLoader]

TENSORS = ["equal/raw"]


@pytest.fixture(params=["c++", "python"])
def loader_type(request: pytest.FixtureRequest, native: Any) -> str:
    return str(request.param)


@pytest.fixture
def make(loader_type: str, lake: Lake) -> Iterator[Make]:
    """Makes loaders of 60 samples in chunks of a few."""
    loaders = []

    def build(dataset: Any = None, batch_size: int = 4, **arguments: Any) -> penstock.DataLoader:
        settings = {
            "tensors": TENSORS, "return_index": True, "loader_type": loader_type,
            "shuffle": "chunk", "shuffle_window": 2, "seed": 5,
        }  # fmt: skip
        source = lake("many_chunks") if dataset is None else dataset
        loaders.append(penstock.DataLoader(source, batch_size, **(settings | arguments)))
        return loaders[-1]

    yield build
    for loader in loaders:
        loader.close()


def batches(loader: Any) -> list[list[int]]:
    return [batch["index"].tolist() for batch in loader]


def indices(loader: Any) -> list[int]:
    return [index for batch in batches(loader) for index in batch]


def numbers_of(path: Path, tensor: str = TENSORS[0]) -> Any:
    return penstock.open(path)[tensor].chunk_numbers()


def test_chunks_are_those_that_hold_the_samples(lake: Lake) -> None:
    for tensor in penstock.open(lake("many_chunks")).tensors.values():
        chunks = tensor.chunks
        expected = [chunks.locate(index)[0] for index in range(len(tensor))]
        assert tensor.chunk_numbers().tolist() == expected


def test_an_epoch_has_all_samples_and_few_chunks_open(make: Make, lake: Lake) -> None:
    numbers = numbers_of(lake("many_chunks"))
    assert len(set(numbers.tolist())) == 5
    loader = make()
    first, second = indices(loader), indices(loader)
    assert sorted(first) == sorted(second) == list(range(60))
    assert first != second
    for order in (first, second):
        assert most_open(numbers[order]) <= 2
    loader.set_epoch(0)
    assert indices(loader) == first == chunk_order(Chunks.of(numbers), 5, 0, window=2, length=60).tolist()


def test_threads_workers_and_read_ahead_do_not_change_it(make: Make, lake: Lake) -> None:
    expected = batches(make())
    for options in ({"num_threads": 3, "prefetch_factor": 7}, {"num_workers": 2}, {"timeout": 60}):
        assert batches(make(**options)) == expected
    values = [batch[TENSORS[0]] for batch in make()]
    stored = penstock.open(lake("many_chunks"))[TENSORS[0]]
    for batch, own in zip(values, expected, strict=True):
        for sample, index in zip(batch, own, strict=True):
            np.testing.assert_array_equal(sample, stored[index])


def test_the_budget_of_reading_ahead_does_not_change_it(make: Make) -> None:
    default = make()
    assert default.options.read_ahead_bytes is None
    expected = batches(default)
    for budget in (0, 1, 700, 1 << 40):
        assert batches(make(read_ahead_bytes=budget)) == expected


def test_the_sampler_is_torchs(make: Make) -> None:
    loader = make()
    assert isinstance(loader, torch.utils.data.DataLoader)
    assert len(loader.sampler) == 60
    loader.sampler.set_epoch(2)
    drawn = [index for batch in loader.batch_sampler for index in batch]
    loader.sampler.set_epoch(2)
    assert drawn == indices(loader)


def test_ranks_have_chunks_of_their_own(make: Make, lake: Lake) -> None:
    numbers = numbers_of(lake("many_chunks"))
    parts = [indices(make(rank=rank, world_size=3)) for rank in range(3)]
    assert [len(part) for part in parts] == [20, 20, 20]
    assert sorted(index for part in parts for index in part) == list(range(60))
    readers = sum(len(set(numbers[part].tolist())) for part in parts)
    assert readers <= len(set(numbers.tolist())) + 2
    uneven = [indices(make(rank=rank, world_size=7)) for rank in range(7)]
    assert {len(part) for part in uneven} == {9}
    assert {index for part in uneven for index in part} == set(range(60))
    dropped = [indices(make(rank=rank, world_size=7, drop_last=True)) for rank in range(7)]
    assert {len(part) for part in dropped} == {8}
    assert len({index for part in dropped for index in part}) == 56


@pytest.mark.parametrize("stop", range(16))
def test_it_resumes_at_every_batch(stop: int, make: Make, loader_type: str) -> None:
    straight = make()
    expected = [batches(straight), batches(straight)]
    stopped = make()
    iterator = iter(stopped)
    for _ in range(stop):
        next(iterator)
    state = json.loads(json.dumps(stopped.state_dict()))
    assert state["order"] == "chunk, window 2"
    resumed = make(seed=None, loader_type="python" if loader_type == "c++" else "c++", num_threads=1)
    resumed.load_state_dict(state)
    assert batches(resumed) == (expected[0][stop:] or expected[1])


def test_a_state_of_another_order_is_refused(make: Make) -> None:
    state = make().state_dict()
    with pytest.raises(errors.ConfigError, match="its order is 'chunk, window 2', this loader's is 'full'"):
        make(shuffle=True).load_state_dict(state)
    with pytest.raises(errors.ConfigError, match="its order is 'chunk, window 2', this loader's is 'none'"):
        make(shuffle=False).load_state_dict(state)
    with pytest.raises(errors.ConfigError, match="its order is 'chunk, window 2', this loader's is 'chunk, window 4'"):
        make(shuffle_window=4).load_state_dict(state)
    with pytest.raises(errors.ConfigError, match="its order is 'full', this loader's is 'chunk, window 2'"):
        make().load_state_dict(make(shuffle="full").state_dict())
    with pytest.raises(errors.ConfigError, match=r"its order is 'builtins.list', this loader's is 'chunk, window 2'"):
        make().load_state_dict(make(shuffle=False, sampler=[1, 2]).state_dict())
    # The window of an order that has none is nobody's business.
    make(shuffle="full", shuffle_window=9).load_state_dict(make(shuffle="full").state_dict())


def test_true_is_chunk_where_the_dataset_is_remote(make: Make, lake: Lake) -> None:
    far = far_dataset(lake("many_chunks"))
    assert far.is_remote
    assert indices(make(far, shuffle=True)) == indices(make(far)) == indices(make())
    full = epoch_order(60, 5, 0).tolist()
    assert indices(make(far, shuffle="full")) == full
    assert indices(make(shuffle=True)) == indices(make(shuffle="full")) == full
    assert indices(make(far, shuffle=False)) == list(range(60))


def test_what_is_remote(lake: Lake) -> None:
    path = lake("many_chunks")
    near, far = penstock.open(path), far_dataset(path)
    assert not near.is_remote
    parts = np.zeros(3, np.int64), np.arange(3)
    assert not JoinedDataset([near], {"a": [TENSORS[0]]}, *parts).is_remote
    assert JoinedDataset([near, far], {"a": [TENSORS[0]] * 2}, *parts).is_remote
    for name, remote in {"S3Provider": True, "LocalProvider": False, "MemoryProvider": False, "Mine": True}.items():
        assert ProviderStore(type(name, (), {})(), "x").remote is remote


def test_views_are_shuffled_by_the_chunks_that_they_show(make: Make, lake: Lake) -> None:
    rows = np.random.default_rng(4).permutation(60)[:41]
    view = Lake3Dataset(LocalStore(str(lake("many_chunks"))), None, Selection(RowIndex(rows)))
    numbers = numbers_of(lake("many_chunks"))[rows]
    assert view[TENSORS[0]].chunk_numbers().tolist() == numbers.tolist()
    order = indices(make(view))
    assert sorted(order) == list(range(41))
    assert most_open(numbers[order]) <= 2
    backwards = Lake3Dataset(LocalStore(str(lake("many_chunks"))), None, Selection(RowIndex(slice(50, 4, -3))))
    expected = numbers_of(lake("many_chunks"))[50:4:-3]
    assert backwards[TENSORS[0]].chunk_numbers().tolist() == expected.tolist()


def test_sequences_lie_where_their_first_item_does(lake: Lake) -> None:
    for name, tensor in penstock.open(lake("sequences")).tensors.items():
        numbers = tensor.chunk_numbers()
        assert len(numbers) == len(tensor), name
        for index in range(len(tensor)):
            if items := tensor.items(index):
                assert numbers[index] == tensor.chunks.locate(items[0])[0], (name, index)
        assert len(tensor) == 0 or 0 <= numbers.min() <= numbers.max() < max(len(tensor.chunks), 1), name


def test_samples_in_tiles_lie_where_their_first_tile_does(lake: Lake) -> None:
    for tensor in penstock.open(lake("tiled")).tensors.values():
        assert tensor.chunk_numbers().tolist() == [tensor.chunks.locate(index)[0] for index in range(len(tensor))]


def test_joined_datasets_have_the_chunks_of_their_parts(make: Make, lake: Lake) -> None:
    parts = [penstock.open(lake("many_chunks")), penstock.open(lake("many_chunks"))]
    rng = np.random.default_rng(2)
    part_of, index_of = rng.integers(0, 2, 90), rng.integers(0, 60, 90)
    dataset = JoinedDataset(parts, {"a": [TENSORS[0]] * 2}, part_of, index_of)
    own = numbers_of(lake("many_chunks"))
    numbers = dataset["a"].chunk_numbers()
    assert numbers.tolist() == (own[index_of] + part_of * (own.max() + 1)).tolist()
    order = indices(make(dataset, tensors=["a"]))
    assert sorted(order) == list(range(90))
    assert most_open(numbers[order]) <= 2


def test_the_tensor_with_most_chunks_decides(lake: Lake) -> None:
    dataset = penstock.open(lake("many_chunks"))
    tensors = list(dataset.tensors.values())
    counts = [len(set(tensor.chunk_numbers().tolist())) for tensor in tensors]
    assert len(set(counts)) > 1
    found = stored_chunks(dataset, tensors, 60)
    assert found is not None
    assert len(found) == max(counts)
    few = stored_chunks(dataset, tensors, 7)
    assert few is not None
    assert few.sizes.sum() == 7


def test_without_chunks_to_see_it_is_full_and_says_so(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    blind: Any = SimpleNamespace(chunk_numbers=lambda: None)
    dataset = penstock.open(lake("many_chunks"))
    with caplog.at_level(logging.INFO, "penstock"):
        assert stored_chunks(dataset, [blind], 60) is None
    assert f"shuffle='full': no chunks of {dataset.path} can be seen" in caplog.text
    assert stored_chunks(dataset, [blind, dataset[TENSORS[0]]], 60) is not None


def test_the_order_survives_pickling(make: Make) -> None:
    loader = make()
    copy = pickle.loads(pickle.dumps(loader.sampler))
    assert list(copy) == list(loader.sampler)
