"""An epoch's first batches are begun while the epoch before ends, and nothing but time shows it."""

from __future__ import annotations

import gc
import os
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import penstock


@pytest.fixture
def path(lake: Callable[[str], Path], native: Any) -> Path:
    return lake("equal_images")


def make(path: Path, **arguments: Any) -> penstock.DataLoader:
    settings: dict[str, Any] = {"batch_size": 2, "shuffle": True, "seed": 5, "loader_type": "c++", "num_threads": 2}
    return penstock.DataLoader(path, tensors=["jpegs"], return_index=True, **(settings | arguments))


def indices(batches: Any) -> list[list[int]]:
    return [batch["index"].tolist() for batch in batches]


def begun(loader: penstock.DataLoader) -> int | None:
    """The epoch that is begun early, if any."""
    held = loader._engine.next_epoch._begun  # type: ignore[attr-defined]
    return None if held is None else held.epoch


@pytest.mark.parametrize("arguments", [{}, {"shuffle": "chunk"}, {"shuffle": False}, {"drop_last": True}])
def test_batches_are_those_of_epochs_by_themselves(path: Path, arguments: dict[str, Any]) -> None:
    with make(path, **arguments) as loader:
        together = [indices(loader) for _ in range(5)]
        assert begun(loader) == 5
    for epoch, expected in enumerate(together):
        with make(path, **arguments) as alone:
            alone.set_epoch(epoch)
            assert indices(alone) == expected


def test_pixels_are_the_same(path: Path) -> None:
    with make(path) as loader, make(path, loader_type="python") as other:
        for _ in range(4):
            for one, two in zip(loader, other, strict=True):
                assert torch.equal(one["jpegs"], two["jpegs"])


def test_a_program_that_iterates_once_begins_nothing_more(path: Path) -> None:
    with make(path) as loader:
        indices(loader)
        assert begun(loader) is None
        indices(loader)
        assert begun(loader) == 2


def test_work_is_done_before_it_is_asked_for(path: Path) -> None:
    with make(path) as loader:
        indices(loader)
        of_an_epoch = loader.stats()["encoded_bytes"]
        indices(loader)
        deadline = time.monotonic() + 10
        while loader.stats()["encoded_bytes"] <= 2 * of_an_epoch and time.monotonic() < deadline:
            time.sleep(0.01)
        assert loader.stats()["encoded_bytes"] > 2 * of_an_epoch
        assert loader.stats()["samples"] == 2 * len(loader.dataset)


def test_a_loader_that_is_dropped_needs_no_garbage_collector(path: Path) -> None:
    loader = make(path)
    indices(loader), indices(loader)
    assert begun(loader) == 2
    engine = weakref.ref(loader._engine)
    gc.disable()
    try:
        del loader
        assert engine() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "change",
    [
        lambda loader: loader.set_epoch(7),
        lambda loader: loader.load_state_dict({**loader.state_dict(), "epoch": 7}),
    ],
)
def test_another_epoch_throws_it_away(path: Path, change: Callable[[penstock.DataLoader], None]) -> None:
    with make(path) as loader, make(path) as other:
        indices(loader), indices(loader)
        assert begun(loader) == 2
        change(loader)
        other.set_epoch(7)
        assert indices(loader) == indices(other)
        assert loader.stats()["samples"] == 3 * len(loader.dataset)


def test_an_epoch_that_is_set_while_one_is_under_way_is_the_one_that_is_begun(path: Path) -> None:
    with make(path) as loader, make(path) as other:
        indices(loader)
        for number, _ in enumerate(loader):
            if number == 0:
                loader.set_epoch(9)
        assert begun(loader) == 9
        other.set_epoch(9)
        assert indices(loader) == indices(other)


def test_a_loop_that_is_left_leaves_nothing_begun(path: Path) -> None:
    with make(path) as loader:
        indices(loader)
        for leave in range(1, 5):
            for number, _ in enumerate(loader, 1):
                if number == leave:
                    break
            assert begun(loader) is None
        assert len(indices(loader)) == len(loader)


def test_two_iterations_at_once(path: Path) -> None:
    with make(path) as loader, make(path) as other:
        expected = [indices(other) for _ in range(4)]
        assert indices(loader) == expected[0]
        pairs = [(one["index"].tolist(), two["index"].tolist()) for one, two in zip(loader, loader, strict=True)]
        assert [one for one, _ in pairs] == expected[1]
        assert [two for _, two in pairs] == expected[2]
        assert indices(loader) == expected[3]


def test_a_sampler_of_the_users_own_is_asked_when_its_epoch_begins(path: Path) -> None:
    class Counting(torch.utils.data.Sampler[int]):
        drawn = 0

        def __iter__(self) -> Any:
            self.drawn += 1
            return iter(range(6))

        def __len__(self) -> int:
            return 6

    sampler = Counting()
    with make(path, sampler=sampler, shuffle=False) as loader:
        for epoch in range(3):
            indices(loader)
            assert sampler.drawn == epoch + 1
            assert begun(loader) is None


def test_a_closed_loader_has_none(path: Path) -> None:
    loader = make(path)
    indices(loader), indices(loader)
    loader.close()
    assert begun(loader) is None


def test_a_forked_child_begins_its_own(path: Path) -> None:
    with make(path) as loader, make(path) as other:
        expected = [indices(other) for _ in range(4)]
        assert [indices(loader), indices(loader)] == expected[:2]
        child = os.fork()
        if child == 0:
            right = False
            try:
                right = [indices(loader), indices(loader)] == expected[2:]
            finally:
                os._exit(0 if right else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert [indices(loader), indices(loader)] == expected[2:]
