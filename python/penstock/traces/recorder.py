"""Spans of what Python does. Each costs nothing that could be measured while no trace is recorded."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Literal, NamedTuple

from penstock.described import described_error

__all__ = ["PythonSpan", "Recorder", "SpanName", "record", "recording", "span"]

#: "next": the program asks for a batch, until it has it. "consume": the program works with the batch that it has.
#: "python": what is made of a batch in Python (the transform, collate). "load": a sample that Python reads and decodes.
#: "transform": the Python part of a transform, on one sample.
SpanName = Literal["next", "consume", "python", "load", "transform"]

#: Spans that are kept; the oldest are dropped, and counted.
_MOST_SPANS = 1 << 18


class PythonSpan(NamedTuple):
    """What was done.

    Attributes:
        name: What it was.
        thread: The system's number of the thread; a worker process's number is its own.
        start, duration: Nanoseconds of the monotonic clock.
        facts: What of, by name.
    """

    name: SpanName
    thread: int
    start: int
    duration: int
    facts: dict[str, int | str]


class Recorder:
    """Keeps the latest spans. Thread-safe.

    Attributes:
        threads: The names of the threads that wrote spans, by the system's number.
    """

    def __init__(self) -> None:
        self.threads: dict[int, str] = {}
        self._spans: deque[PythonSpan] = deque(maxlen=_MOST_SPANS)
        self._written = itertools.count()

    def add(self, span: PythonSpan, thread_name: str) -> None:
        """Keeps a span."""
        self.threads[span.thread] = thread_name
        self._spans.append(span)
        next(self._written)

    def spans(self) -> list[PythonSpan]:
        """Those that are kept, in the order in which they ended."""
        while True:
            try:
                return list(self._spans)
            except RuntimeError:  # another thread has just added one
                continue

    @property
    def dropped(self) -> int:
        """How many were dropped; asked once, at the end."""
        return max(0, next(self._written) - len(self._spans))


_active: Recorder | None = None


def recording() -> Recorder | None:
    """What records now, if anything does."""
    return _active


def record(recorder: Recorder | None) -> None:
    """From now on spans go to ``recorder``, or nowhere."""
    global _active
    _active = recorder


def span(name: SpanName, **facts: int | str) -> AbstractContextManager[dict[str, int | str] | None]:
    """A context whose time is recorded, with what is known of it; an exception that ends it is one of the facts. It
    gives the facts, to which more may be added, and None where nothing records.
    """
    recorder = _active
    return _NOTHING if recorder is None else _Span(recorder, name, facts)


_NOTHING: AbstractContextManager[None] = nullcontext()


class _Span:
    def __init__(self, recorder: Recorder, name: SpanName, facts: dict[str, int | str]) -> None:
        self._recorder = recorder
        self._name = name
        self._facts = facts

    def __enter__(self) -> dict[str, int | str]:
        self._start = time.monotonic_ns()
        return self._facts

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        end = time.monotonic_ns()
        if error is not None and not isinstance(error, StopIteration | GeneratorExit):
            self._facts["error"] = described_error(error)
        thread = threading.current_thread()
        number = threading.get_native_id()
        self._recorder.add(PythonSpan(self._name, number, self._start, end - self._start, self._facts), thread.name)
