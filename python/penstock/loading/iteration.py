"""What ``iter(loader)`` gives."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from typing import Any

from penstock.loading.plan import Plan

__all__ = ["Iteration"]

#: Runs of a parent process, which a forked child must neither go on with nor end.
_of_the_parent: list[Any] = []


class Iteration(Iterator[Any]):
    """The batches of an epoch, one after the other. Its length is the loader's.

    The epoch is decided with the first batch: ``set_epoch`` counts until then. A forked child goes on by itself, with
    what was not handed out before the fork.

    Args:
        plan: Gives the plan.
        run: Runs a plan.
        length: Gives the number of batches.
    """

    def __init__(
        self,
        plan: Callable[[], Plan],
        run: Callable[[Plan], Generator[Any, None, None]],
        length: Callable[[], int],
    ) -> None:
        self._make_plan = plan
        self._run = run
        self._length = length
        self._plan: Plan | None = None
        self._batches: Generator[Any, None, None] | None = None
        self._pid = os.getpid()

    def __iter__(self) -> Iteration:
        return self

    def __next__(self) -> Any:
        if self._batches is None:
            self._pid = os.getpid()
            self._plan = self._make_plan()
            self._batches = self._run(self._plan)
        elif self._pid != os.getpid():
            assert self._plan is not None
            _of_the_parent.append(self._batches)
            self._pid = os.getpid()
            self._plan.restart()
            self._batches = self._run(self._plan)
        return next(self._batches)

    def __len__(self) -> int:
        return self._length()

    def close(self) -> None:
        """Ends the iteration; what was loaded ahead is dropped."""
        if self._batches is not None and self._pid == os.getpid():
            self._batches.close()
