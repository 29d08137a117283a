"""Locks that a fork does not leave locked for ever."""

from __future__ import annotations

import os
import threading
import weakref
from types import TracebackType
from typing import Any

__all__ = ["ForkLock"]


class ForkLock:
    """A lock that a forked child finds free: the thread that has it there, if any, does not exist here. A thread that
    has it may take it again. It pickles as a free one.
    """

    def __init__(self) -> None:
        self.renew()
        _all.add(self)

    def renew(self) -> None:
        """Makes it free, whoever has it: what that one gives back later has no effect."""
        self._lock = threading.RLock()

    def acquire(self, timeout: float = -1) -> bool:
        """Waits for it, at most so many seconds (-1: any time); whether it was given."""
        return self._lock.acquire(timeout=timeout)

    def release(self) -> None:
        """Gives it back."""
        try:
            self._lock.release()
        except RuntimeError:
            return  # it was renewed meanwhile, and belongs to nobody or to another thread

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def __reduce__(self) -> tuple[Any, ...]:
        return ForkLock, ()


_all: weakref.WeakSet[ForkLock] = weakref.WeakSet()


def _renew_all() -> None:
    for lock in list(_all):
        lock.renew()


if hasattr(os, "register_at_fork"):  # where processes fork
    os.register_at_fork(after_in_child=_renew_all)
