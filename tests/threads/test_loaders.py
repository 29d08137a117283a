"""Threads of Python that load at the same time get what one thread gets, with a GIL and without."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import LoaderClosedError
from support.clients import Batches, make, own_epochs, samples_of, unpack

THREADS = 4
TYPES = ["c++", "python"]


@pytest.fixture(scope="module")
def path(native: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(tmp_path_factory.mktemp("threads") / "dataset")


@pytest.fixture(scope="module")
def own(path: Path) -> list[Batches]:
    """Two epochs of a loader in one thread."""
    return own_epochs(path)


@pytest.fixture(autouse=True)
def _quick_turns() -> Iterator[None]:
    """Threads take the GIL from each other as often as may be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work: Callable[[int], Any], threads: int = THREADS) -> list[Any]:
    """What ``work`` gives in each of the threads, which begin together; raises what one of them raises."""
    together = threading.Barrier(threads)

    def begin(number: int) -> Any:
        together.wait(60)
        return work(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(begin, range(threads), timeout=240))


def epoch_of(loader: penstock.DataLoader) -> Batches:
    return [samples_of(batch) for batch in loader]


@pytest.mark.parametrize("arguments", [{}, {"num_workers": 2}, {"loader_type": "python"}, {"timeout": 60}])
def test_a_loader_in_each_thread(path: Path, own: list[Batches], arguments: dict[str, Any]) -> None:
    def work(_: int) -> list[Batches]:
        with make(path, **arguments) as loader:
            return [epoch_of(loader), epoch_of(loader)]

    assert in_threads(work) == [own] * THREADS


def test_what_a_transform_draws_outside_is_put_back(path: Path) -> None:
    np.random.seed(7)
    expected = np.random.get_state()[1].tolist()  # type: ignore[index]
    with make(path) as one, make(path) as two:
        in_threads(lambda number: epoch_of((one, two)[number]), 2)
    assert np.random.get_state()[1].tolist() == expected  # type: ignore[index]


@pytest.mark.parametrize("loader_type", TYPES)
def test_each_thread_has_an_epoch_of_one_loader(path: Path, loader_type: str) -> None:
    with make(path, loader_type=loader_type) as loader:
        expected = [epoch_of(loader) for _ in range(2 * THREADS)]
    with make(path, loader_type=loader_type) as loader:
        for begin in (0, THREADS):
            found = in_threads(lambda _: epoch_of(loader))
            assert sorted(found) == sorted(expected[begin : begin + THREADS])
        assert loader.stats()["batches"] == 2 * THREADS * len(loader)
        assert loader.stats()["samples"] == 2 * THREADS * 100


@pytest.mark.parametrize("arguments", [{}, {"num_workers": 2}, {"loader_type": "python"}, {"memory_limit": "64MB"}])
def test_threads_share_the_batches_of_one_iteration(path: Path, own: list[Batches], arguments: dict[str, Any]) -> None:
    with make(path, **arguments) as loader:
        for epoch in own:
            iterator = iter(loader)
            found = in_threads(lambda _, shared=iterator: [samples_of(batch) for batch in shared])
            assert sorted(chain.from_iterable(found)) == sorted(epoch)
        assert loader.stats()["batches"] == 2 * len(loader)
        state = loader.state_dict()
        assert (state["epoch"], loader.batches_done) == (2, 0)


@pytest.mark.parametrize("loader_type", TYPES)
def test_a_seed_is_drawn_once(path: Path, loader_type: str) -> None:
    with make(path, loader_type=loader_type, seed=None) as loader:
        in_threads(lambda _: iter(loader))
        found = in_threads(lambda _: epoch_of(loader))
        seed = loader.state_dict()["seed"]
    with make(path, loader_type=loader_type, seed=seed) as loader:
        assert sorted(found) == sorted(epoch_of(loader) for _ in range(THREADS))


@pytest.mark.parametrize("loader_type", TYPES)
def test_others_may_ask_meanwhile(path: Path, own: list[Batches], loader_type: str) -> None:
    done = threading.Event()
    with make(path, loader_type=loader_type) as loader:

        def work(number: int) -> Any:
            if number == 0:
                try:
                    return [epoch_of(loader), epoch_of(loader)]
                finally:
                    done.set()
            counts = []
            while not done.is_set():
                counts.append(loader.stats()["batches"])
                assert 0 <= loader.batches_done <= len(loader)
                assert loader.state_dict()["seed"] == 3
                loader.explain(), repr(loader)
            return counts

        batches, *counts = in_threads(work)
    assert batches == own
    for each in counts:
        assert each == sorted(each)


@pytest.mark.parametrize("arguments", [{}, {"num_workers": 2}, {"transform": None}, {"loader_type": "python"}])
def test_closing_ends_the_other_threads(path: Path, arguments: dict[str, Any]) -> None:
    for _ in range(3):
        loader = make(path, **arguments)
        begun = threading.Semaphore(0)

        def work(number: int, loader: penstock.DataLoader = loader, begun: threading.Semaphore = begun) -> bool:
            if number == 0:
                for _ in range(THREADS - 1):
                    assert begun.acquire(timeout=60)
                loader.close()
                return True
            try:
                while True:
                    for _ in loader:
                        begun.release()
            except LoaderClosedError:
                return True

        assert in_threads(work) == [True] * THREADS


@pytest.mark.parametrize("loader_type", TYPES)
def test_an_iteration_is_left_while_a_thread_waits_in_it(path: Path, loader_type: str) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(sample: dict[str, Any]) -> dict[str, Any]:
        inside.set()
        assert go_on.wait(60)
        return sample

    with make(path, loader_type=loader_type, transform=slow) as loader, ThreadPoolExecutor(1) as pool:
        iterator = iter(loader)
        batch = pool.submit(next, iterator)
        assert inside.wait(60)
        start = time.monotonic()
        iterator.close()
        assert time.monotonic() - start < 30
        go_on.set()
        assert len(batch.result(60)["index"]) == 8
        with pytest.raises(StopIteration):
            next(iterator)
        assert len(list(loader)) == len(loader)


def test_the_batches_of_somebody_elses_loader(path: Path) -> None:
    with make(path, transform=None, tensors=["number"], shuffle=False) as loader:
        dataset: Any = loader.dataset

        def work(number: int) -> list[int]:
            found = []
            for begin in range(number, 100, THREADS):
                batch = loader.collate_fn(dataset.__getitems__([begin]))
                found += batch["number"].reshape(-1).tolist()
            return found

        together = sorted(chain.from_iterable(in_threads(work)))
        assert together == sorted(number for batch in loader for number in batch["number"].reshape(-1).tolist())


@pytest.mark.skipif(not hasattr(sys, "_is_gil_enabled"), reason="this Python knows no other way")
def test_the_core_leaves_the_gil_off(native: Any) -> None:
    program = (
        "import sys, numpy, torch\nbefore = sys._is_gil_enabled()\nimport penstock._core\n"
        "assert sys._is_gil_enabled() == before\nprint(before)"
    )
    subprocess.run([sys.executable, "-W", "error:The global interpreter lock", "-c", program], check=True, timeout=120)
