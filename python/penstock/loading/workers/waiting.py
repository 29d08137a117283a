"""What a thread can wait for beside a worker's answers, with ``multiprocessing.connection.wait``."""

from __future__ import annotations

import contextlib
import os
import weakref
from typing import Any

__all__ = ["Ended", "Wake"]


class Wake:
    """Something to wait for beside processes: another thread sets it."""

    def __init__(self) -> None:
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor).atexit = False

    def fileno(self) -> int:
        return self._descriptor

    def set(self) -> None:
        os.eventfd_write(self._descriptor, 1)

    def clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._descriptor)


class Ended:
    """Readable once a process has ended. Its own pipe is not: processes that it has started may hold that open."""

    def __init__(self, process: Any) -> None:
        try:
            self._descriptor = os.pidfd_open(process.pid)
        except OSError:  # before Linux 5.3
            self._descriptor = os.dup(process.sentinel)
        weakref.finalize(self, os.close, self._descriptor).atexit = False

    def fileno(self) -> int:
        return self._descriptor
