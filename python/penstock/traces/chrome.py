"""A trace in Chrome's trace event format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from penstock.traces.core_trace import CoreEvent, CoreTrace
from penstock.traces.flows import flows_of
from penstock.traces.lanes import lanes_of
from penstock.traces.recorder import PythonSpan

__all__ = ["chrome_trace"]

Event = dict[str, Any]

#: Requests go on side by side, and no thread has them: they lie in lanes, which stand behind all threads.
_LANES = {"fetch": 1_000_000_000, "try": 1_100_000_000}


def chrome_trace(
    core: CoreTrace, spans: list[PythonSpan], thread_names: dict[int, str], *, process: int, dropped: int
) -> dict[str, Any]:
    """The file's content: ``traceEvents`` and ``otherData``.

    Args:
        core: What the core has recorded.
        spans: What Python has recorded.
        thread_names: Of the threads of these, by the system's number.
        process: The process's number.
        dropped: How many events were dropped.
    """
    writer = _Writer(process)
    names = core.names | thread_names
    events = [
        *writer.threads(names),
        *(writer.python(one) for one in spans),
        *writer.core(core),
    ]
    return {
        "traceEvents": [writer.meta("process_name", 0, name="penstock"), *events],
        "displayTimeUnit": "ms",
        "otherData": {"dropped_events": dropped, "clock": "monotonic, microseconds"},
    }


class _Writer:
    def __init__(self, process: int) -> None:
        self._process = process

    def meta(self, what: str, thread: int, **args: Any) -> Event:
        return {"ph": "M", "name": what, "pid": self._process, "tid": thread, "args": args}

    def threads(self, names: dict[int, str]) -> Iterator[Event]:
        for number, name in sorted(names.items(), key=lambda item: (item[1], item[0])):
            yield self.meta("thread_name", number, name=name)

    def python(self, span: PythonSpan) -> Event:
        return self._span(span.name, "python", span.thread, span.start, span.duration, span.facts)

    def core(self, trace: CoreTrace) -> Iterator[Event]:
        by_name: dict[str, list[CoreEvent]] = {}
        for thread, events in trace.threads.items():
            for event in events:
                by_name.setdefault(event.name, []).append(event)
                if event.name == "ready":
                    yield {**self._at("i", "ready", thread, event.start), "s": "t", "args": _facts(event)}
                elif event.name not in (*_LANES, "fetched"):
                    yield self._span(event.name, "core", thread, event.start, event.duration, _facts(event))
        fetch_lanes: list[int] = []
        for name, first in _LANES.items():
            requests = by_name.get(name, [])
            lanes = [first + lane for lane in lanes_of((one.start, one.start + one.duration) for one in requests)]
            fetch_lanes = lanes if name == "fetch" else fetch_lanes
            for lane in sorted(set(lanes)):
                yield self.meta("thread_name", lane, name=f"{name} {lane - first}")
                yield self.meta("thread_sort_index", lane, sort_index=lane)
            for event, lane in zip(requests, lanes, strict=True):
                yield self._span(name, "core", lane, event.start, event.duration, _facts(event))
        yield from self._counters(by_name)
        yield from self._flows(trace, by_name, fetch_lanes)

    def _counters(self, by_name: dict[str, list[CoreEvent]]) -> Iterator[Event]:
        for loader in sorted({event.loader for event in (*by_name.get("ready", ()), *by_name.get("fetch", ()))}):
            ready, waits, fetches = (
                [event for event in by_name.get(name, ()) if event.loader == loader]
                for name in ("ready", "wait", "fetch")
            )
            handed_out = [(event.start + event.duration, -1) for event in waits if event.first]
            changes = [(event.start, 1) for event in ready if not event.error] + handed_out
            yield from self._counter(f"batches ready, loader {loader}", "batches", _summed(changes))
            asked = [(event.start, event.bytes) for event in fetches]
            came = [(event.start + event.duration, -event.bytes) for event in fetches]
            yield from self._counter(f"bytes under way, loader {loader}", "bytes", _summed(asked + came))
            held = [(event.start, event.bytes) for event in ready]
            held += [(event.start + event.duration, event.bytes) for event in waits]
            yield from self._counter(f"memory held, loader {loader}", "bytes", sorted(held))

    def _counter(self, name: str, unit: str, values: list[tuple[int, int]]) -> Iterator[Event]:
        for time, value in values:
            yield {**self._at("C", name, 0, time), "args": {unit: value}}

    def _flows(
        self, trace: CoreTrace, by_name: dict[str, list[CoreEvent]], fetch_lanes: list[int]
    ) -> Iterator[Event]:
        fetches, fetched = by_name.get("fetch", []), by_name.get("fetched", [])
        for number, (source, (thread, decode)) in enumerate(flows_of(fetches, fetched, trace.threads)):
            fetch, lane = fetches[source], fetch_lanes[source]
            common = {"cat": "bytes", "id": number}
            # A flow begins within its span.
            yield {**self._at("s", "bytes", lane, fetch.start + fetch.duration // 2), **common}
            yield {**self._at("f", "bytes", thread, decode.start), **common, "bp": "e"}

    def _span(self, name: str, category: str, thread: int, start: int, duration: int, facts: Any) -> Event:
        return {**self._at("X", name, thread, start), "dur": duration / 1000, "cat": category, "args": facts}

    def _at(self, kind: str, name: str, thread: int, time: int) -> Event:
        return {"ph": kind, "name": name, "pid": self._process, "tid": thread, "ts": time / 1000}


def _facts(event: CoreEvent) -> dict[str, Any]:
    """What is known of an event of the core, by name."""
    facts: dict[str, Any] = {}
    for name in ("epoch", "batch", "sample"):
        if (value := getattr(event, name)) >= 0:
            facts[name] = value
    if event.loader:
        facts["loader"] = event.loader
    if event.name in ("fetch", "try", "read"):
        facts |= {"key": event.key, "bytes": event.bytes}
    if event.name == "fetch":
        facts |= {"from_byte": event.first, "queued_us": event.second / 1000}
    elif event.name == "try":
        facts |= {"try": event.first, "beside_a_slow_one": bool(event.second)}
    elif event.name == "decode":
        facts |= {"decode_us": event.first / 1000, "transform_us": event.second / 1000}
    elif event.name == "wait":
        facts["samples"] = event.first
    if event.error:
        facts["error"] = event.error
    return facts


def _summed(changes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What a counter comes to at each time at which it changes."""
    total = 0
    values = []
    for time, change in sorted(changes):
        total += change
        # What was before the trace began is not known.
        total = max(total, 0)
        values.append((time, total))
    return values
