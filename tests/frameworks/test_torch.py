"""What is built of a loader's parts by hand: torch's loader, torchdata's, a plain loop's ``DistributedSampler``."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

import penstock
from support.clients import (
    BATCH,
    Batches,
    Run,
    by_index,
    check_core,
    check_each_once,
    check_epochs_differ,
    core_threads,
    dataset,
    make,
    own_epochs,
    samples_of,
)
from support.require import require

Build = Callable[..., Any]


@pytest.fixture(params=["torch", "torchdata"])
def build(request: pytest.FixtureRequest) -> Build:
    """Builds a loader of a dataset, ``batch_sampler`` and the like."""
    if request.param == "torch":
        return DataLoader
    require("torchdata")
    from torchdata.stateful_dataloader import StatefulDataLoader

    return StatefulDataLoader


def rebuilt(build: Build, loader: penstock.DataLoader, **arguments: Any) -> Any:
    return build(
        loader.dataset, batch_sampler=loader.batch_sampler, collate_fn=loader.collate_fn, **arguments
    )


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_of_dataset_and_batch_sampler(
    num_workers: int, loader_type: str, build: Build, path: Path, own: list[Batches]
) -> None:
    with make(path, loader_type=loader_type) as loader:
        other = rebuilt(build, loader, num_workers=num_workers)
        assert len(other) == len(loader)
        run = Run()
        for epoch in range(2):
            loader.set_epoch(epoch)
            run.iterate(other)
        stats = loader.stats()
    assert run.epochs == own
    check_each_once(run.epochs[:1])
    check_epochs_differ(*run.epochs)
    if loader_type == "c++":
        check_core(run)
        if not num_workers:
            assert stats["samples"] == 200


def test_epochs_turn_where_nobody_sets_them(build: Build, path: Path, own: list[Batches]) -> None:
    with make(path) as loader:
        assert Run().iterate(rebuilt(build, loader), 2).epochs == own


@pytest.mark.parametrize("num_workers", [0, 2])
def test_workers_that_live_on_learn_of_epochs(
    num_workers: int, build: Build, path: Path, own: list[Batches]
) -> None:
    with make(path) as loader:
        other = rebuilt(build, loader, num_workers=num_workers, persistent_workers=num_workers > 0)
        run = Run()
        for epoch in (1, 0):
            loader.set_epoch(epoch)
            run.iterate(other)
    assert run.epochs == [own[1], own[0]]
    check_core(run)


def test_of_dataset_and_any_sampler(build: Build, path: Path, own: list[Batches]) -> None:
    """Plain indices are of the dataset's epoch."""
    with make(path) as loader:
        other = build(loader.dataset, batch_size=BATCH, shuffle=True, collate_fn=loader.collate_fn)
        run = Run().iterate(other)
        samples = loader.stats()["samples"]
    check_each_once(run.epochs)
    assert by_index(run.epochs[0]) == by_index(own[0])
    check_core(run)
    assert samples == 100


def test_of_dataset_and_torchs_ranks(path: Path, own: list[Batches]) -> None:
    runs = []
    for rank in range(2):
        with make(path) as loader:
            sampler = DistributedSampler(loader.dataset, num_replicas=2, rank=rank, seed=1)
            other = DataLoader(loader.dataset, batch_size=BATCH, sampler=sampler, collate_fn=loader.collate_fn)
            runs.append(Run().iterate(other))
    check_each_once([run.epochs[0] for run in runs])
    for run in runs:
        assert by_index(run.epochs[0]).items() <= by_index(own[0]).items()
        check_core(run)


def test_a_rank_that_is_given_by_hand_keeps_its_share(path: Path) -> None:
    """Where no ranks run that anybody else could share out for."""
    for rank in range(2):
        with make(path, rank=rank, world_size=2) as loader:
            assert Run().iterate(rebuilt(DataLoader, loader)).epochs == own_epochs(path, 1, rank=rank, world_size=2)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("options", [{}, {"num_workers": 2}, {"num_workers": 2, "persistent_workers": True}])
def test_random_numbers_of_plain_indices_change(options: dict[str, Any], loader_type: str, path: Path) -> None:
    """Of samplers that know nothing of epochs, also where worker processes live on."""
    with make(path, loader_type=loader_type) as loader:
        other = DataLoader(loader.dataset, batch_size=2, shuffle=True, collate_fn=loader.collate_fn, **options)
        epochs = Run().iterate(other, 4).epochs
    for number, one in enumerate(epochs):
        check_each_once([one])
        for another in epochs[:number]:
            check_epochs_differ(one, another)


def test_two_iterators_at_once(build: Build, path: Path, own: list[Batches]) -> None:
    with make(path) as loader:
        pairs = list(zip(rebuilt(build, loader), rebuilt(build, loader), strict=True))
    for place in range(2):
        assert [samples_of(pair[place]) for pair in pairs] == own[0]


def test_what_is_let_go_of_leaves_no_threads(build: Build, path: Path) -> None:
    loader = make(path)
    other = rebuilt(build, loader)
    iterator = iter(other)
    next(iterator)
    assert core_threads() > 0
    del loader, other, iterator
    gc.collect()
    assert core_threads() == 0


def test_closing_the_loader_ends_what_was_built_of_it(build: Build, path: Path) -> None:
    loader = make(path)
    iterator = iter(rebuilt(build, loader))
    next(iterator)
    loader.close()
    assert core_threads() == 0
    with pytest.raises(penstock.errors.LoaderClosedError):
        list(iterator)


def test_images_of_different_sizes(build: Build, path: Path) -> None:
    arguments = {"batch_size": 4, "tensors": ["ragged", "number"], "num_threads": 1}
    with penstock.DataLoader(dataset(path), **arguments) as loader:
        expected = list(loader)
        loader.set_epoch(0)
        found = list(rebuilt(build, loader))
    assert len(found) == len(expected) == 25
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one["number"], other["number"])
        assert all(torch.equal(*pair) for pair in zip(one["ragged"], other["ragged"], strict=True))


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("epoch", [0, 1])
@pytest.mark.parametrize("done", [0, 1, 6, 12])
def test_torchdata_goes_on_within_an_epoch(
    done: int, epoch: int, num_workers: int, path: Path, own: list[Batches]
) -> None:
    require("torchdata")
    from torchdata.stateful_dataloader import StatefulDataLoader

    run = Run()
    with make(path) as loader:
        first = rebuilt(StatefulDataLoader, loader, num_workers=num_workers)
        loader.set_epoch(epoch)
        state = first.state_dict()
        for batch, _ in zip(first, range(done), strict=False):
            run.take(batch, 0)
            state = first.state_dict()
    if num_workers == 0:
        state = json.loads(json.dumps(state))
    with make(path) as loader:
        second = rebuilt(StatefulDataLoader, loader, num_workers=num_workers)
        second.load_state_dict(state)
        loader.set_epoch(epoch)
        for batch in second:
            run.take(batch, 0)
    assert run.epochs == [own[epoch]]
    check_core(run)
