"""Locks that a forked child finds free, and the turns that threads take at the process's random generators."""

from __future__ import annotations

import os
import pickle
import random
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from penstock.loading import seeded_globals as module
from penstock.loading.seeded_globals import pass_over, seeded_globals
from penstock.locks import ForkLock


class Holder:
    """A thread that holds a context until it is told to leave."""

    def __init__(self, context: Any) -> None:
        self._inside, self._leave = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold, args=[context])
        self._thread.start()
        assert self._inside.wait(60)

    @property
    def ident(self) -> int:
        assert self._thread.ident is not None
        return self._thread.ident

    def _hold(self, context: Any) -> None:
        with context:
            self._inside.set()
            self._leave.wait(60)

    def end(self) -> None:
        self._leave.set()
        self._thread.join(60)
        assert not self._thread.is_alive()


def in_thread(work: Any) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join(60)
    return found[0]


@pytest.fixture
def turns() -> Iterator[None]:
    """Leaves the generators free, whatever a test has done."""
    yield
    module._turn.renew()


def in_child(work: Any) -> bool:
    """Whether a forked child says that something holds."""
    child = os.fork()
    if child == 0:
        os._exit(0 if work() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_one_thread_at_a_time() -> None:
    lock = ForkLock()
    holder = Holder(lock)
    assert not lock.acquire(timeout=0.05)
    holder.end()
    with lock, lock:
        assert not in_thread(lambda: lock.acquire(timeout=0))
    assert lock.acquire(timeout=0)
    lock.release()


def test_a_forked_child_finds_it_free() -> None:
    lock = ForkLock()
    holder = Holder(lock)
    assert in_child(lambda: lock.acquire(timeout=0))
    assert not lock.acquire(timeout=0)
    holder.end()
    assert lock.acquire(timeout=0)


def test_who_forks_with_it_may_give_it_back_there() -> None:
    lock = ForkLock()

    def leave() -> bool:
        lock.release()
        return lock.acquire(timeout=0)

    with lock:
        assert in_child(leave)
    assert lock.acquire(timeout=0)


def test_one_that_is_renewed_is_not_given_back_by_who_had_it() -> None:
    lock = ForkLock()
    holder = Holder(lock)
    lock.renew()
    with lock:
        holder.end()
        assert not in_thread(lambda: lock.acquire(timeout=0))


def test_it_pickles_as_a_free_one() -> None:
    lock = ForkLock()
    holder = Holder(lock)
    copied = pickle.loads(pickle.dumps(lock))
    assert copied.acquire(timeout=0)
    holder.end()


def drawn() -> tuple[float, float, float]:
    return random.random(), float(np.random.random()), float(torch.rand(()))


def test_generators_follow_from_the_sample_and_are_put_back() -> None:
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    expected = drawn()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    with seeded_globals(3, 0, 5):
        inner = drawn()
        with seeded_globals(3, 0, 6):
            assert drawn() != inner
    with seeded_globals(3, 0, 5):
        assert drawn() == inner
    assert drawn() == expected


def test_threads_wait_for_their_turn(turns: None) -> None:
    holder = Holder(seeded_globals(3, 0, 5))
    assert not module._turn.acquire(timeout=0.05)
    holder.end()
    with seeded_globals(3, 0, 5):
        pass


def test_one_that_never_returns_does_not_stop_the_others(
    turns: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    with seeded_globals(3, 0, 5):
        expected = drawn()
    holder = Holder(seeded_globals(3, 0, 6))
    with caplog.at_level("WARNING", "penstock"), seeded_globals(3, 0, 5):
        assert drawn() == expected
        assert "has not returned" in caplog.text
        assert not in_thread(lambda: module._turn.acquire(timeout=0))
    holder.end()


def test_who_is_left_to_itself_is_passed_over(turns: None) -> None:
    holder = Holder(seeded_globals(3, 0, 6))
    pass_over([holder.ident + 1])
    assert not module._turn.acquire(timeout=0)
    pass_over([holder.ident])
    assert module._turn.acquire(timeout=0)
    module._turn.release()
    holder.end()
