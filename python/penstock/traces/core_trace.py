"""What the core has recorded, as Python sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from penstock import _native

__all__ = ["CoreEvent", "CoreTrace", "start_core", "stop_core"]

#: Of a thread: 72 bytes each, of which memory is taken as they are written.
_EVENTS_A_THREAD = 1 << 16


class CoreEvent(NamedTuple):
    """An event of the core, of the thread that wrote it; ``csrc/base/trace.h`` says what the fields mean.

    Attributes:
        start, duration: Nanoseconds of the monotonic clock.
        epoch, batch, sample: -1 where it concerns none.
        key, error: Text; empty where there is none.
    """

    name: str
    loader: int
    start: int
    duration: int
    epoch: int
    batch: int
    sample: int
    bytes: int
    first: int
    second: int
    key: str
    error: str


@dataclass
class CoreTrace:
    """What the core did.

    Attributes:
        threads: Events by the system's number of their thread, in the order in which they ended.
        names: Names of the threads.
        dropped: Events that found no room.
    """

    threads: dict[int, list[CoreEvent]] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    dropped: int = 0


def start_core() -> None:
    """The core records from now on, where it is installed."""
    if _native.HAVE_NATIVE:
        _native.require_native().trace_start(_EVENTS_A_THREAD)


def stop_core() -> CoreTrace:
    """What the core has recorded; it records no more."""
    trace = CoreTrace()
    if not _native.HAVE_NATIVE:
        return trace
    core = _native.require_native()
    threads, labels, trace.dropped = core.trace_stop()
    for name, number, rows in threads:
        # A thread that has ended may have left its number to another one.
        events = trace.threads.setdefault(number, [])
        trace.names[number] = name
        for kind, *values, key, error in rows.tolist():
            texts = (labels[key], labels[error]) if labels else ("", "")
            events.append(CoreEvent(core.TRACE_NAMES[kind], *values, *texts))
    return trace
