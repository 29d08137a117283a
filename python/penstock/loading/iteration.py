"""What ``iter(loader)`` gives."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from typing import Any

from penstock.loading.plan import Plan
from penstock.locks import ForkLock
from penstock.traces.consumer import ConsumerSpans

__all__ = ["Iteration"]

#: Runs of a parent process, which a forked child must neither go on with nor end.
_of_the_parent: list[Any] = []


class Iteration(Iterator[Any]):
    """The batches of an epoch, one after the other. Its length is the loader's.

    The epoch is decided with the first batch: ``set_epoch`` counts until then. A forked child goes on by itself, with
    what was not handed out before the fork. Several threads may take batches: each batch goes to one of them.

    Args:
        begin: Gives the plan, and what runs the rest of it.
        length: Gives the number of batches.
    """

    def __init__(
        self,
        begin: Callable[[], tuple[Plan, Callable[[], Generator[Any, None, None]]]],
        length: Callable[[], int],
    ) -> None:
        self._begin = begin
        self._length = length
        self._plan: Plan | None = None
        self._run: Callable[[], Generator[Any, None, None]] | None = None
        self._batches: Generator[Any, None, None] | None = None
        self._pid = os.getpid()
        self._lock = ForkLock()
        self._left = False
        self._spans = ConsumerSpans()

    def __iter__(self) -> Iteration:
        return self

    def __next__(self) -> Any:
        try:
            with self._spans.asking(self._epoch), self._lock:
                return self._take()
        finally:
            if self._left:
                self.close()

    def _epoch(self) -> int | None:
        return None if self._plan is None else self._plan.epoch

    def _take(self) -> Any:
        if self._batches is None:
            self._plan, self._run = self._begin()
            self._pid = os.getpid()
            self._batches = self._run()
        elif self._pid != os.getpid():
            assert self._plan is not None and self._run is not None
            _of_the_parent.append(self._batches)
            self._pid = os.getpid()
            self._plan.restart()
            self._batches = self._run()
        return next(self._batches)

    def __len__(self) -> int:
        return self._length()

    def close(self) -> None:
        """Ends the iteration; what was loaded ahead is dropped. A thread that waits for a batch gets it, and ends the
        iteration in turn: whoever calls this does not wait for it."""
        if self._batches is None or self._pid != os.getpid():
            return
        self._left = True
        if not self._lock.acquire(timeout=0):
            return
        try:
            self._left = False
            self._batches.close()
        finally:
            self._lock.release()
