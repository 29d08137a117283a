"""Spans of the program that takes the batches of an iteration."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from penstock.traces.recorder import PythonSpan, recording, span

__all__ = ["ConsumerSpans"]


class ConsumerSpans:
    """Tells apart when the program waits for a batch, and when it works with one."""

    def __init__(self) -> None:
        self._batches = 0
        #: The thread that has the latest batch, and since when.
        self._has: tuple[int, int] | None = None

    @contextmanager
    def asking(self, epoch: Callable[[], int | None]) -> Iterator[None]:
        """A context in which the program asks for the next batch. ``epoch`` gives its epoch, once that is decided."""
        recorder = recording()
        if recorder is None:
            self._has = None
            yield
            return
        thread = threading.get_native_id()
        has, self._has = self._has, None
        if has is not None and has[0] == thread:
            worked = PythonSpan("consume", thread, has[1], time.monotonic_ns() - has[1], {"batch": self._batches - 1})
            recorder.add(worked, threading.current_thread().name)
        with span("next", batch=self._batches) as facts:
            yield
            number = epoch()
            if facts is not None and number is not None:
                facts["epoch"] = number
        self._batches += 1
        self._has = thread, time.monotonic_ns()
