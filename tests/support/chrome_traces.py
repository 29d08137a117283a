"""Reads files in Chrome's trace event format, and holds them to what its document and our own say."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["Trace", "read_trace"]

#: All names, by the kind of event.
_NAMES = {
    "X": {
        *("fetch", "try", "read", "parse", "geometry", "lay out", "decode", "wait", "gil wait", "gil held"),
        *("next", "consume", "python", "load", "transform"),
    },
    "i": {"ready"},
    "s": {"bytes"},
    "f": {"bytes"},
    "M": {"process_name", "thread_name", "thread_sort_index"},
}
_COUNTERS = ("batches ready, loader ", "bytes under way, loader ", "memory held, loader ")
_FACTS = {
    *("epoch", "batch", "sample", "loader", "key", "bytes", "from_byte", "queued_us", "try"),
    *("beside_a_slow_one", "decode_us", "transform_us", "samples", "tensor", "error"),
}


class Trace:
    """A file that is as it has to be.

    Attributes:
        events: All of them.
        dropped: How many found no room.
    """

    def __init__(self, content: dict[str, Any]) -> None:
        self.events: list[dict[str, Any]] = content["traceEvents"]
        self.dropped: int = content["otherData"]["dropped_events"]
        _check(self.events)

    def spans(self, name: str, **facts: Any) -> list[dict[str, Any]]:
        """Those of a name, whose ``args`` have these facts."""
        return [
            event
            for event in self.events
            if event["ph"] == "X" and event["name"] == name and facts.items() <= event["args"].items()
        ]

    def seconds(self, name: str) -> float:
        """What the spans of a name come to."""
        return sum(span["dur"] for span in self.spans(name)) / 1e6

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """Events by their ``ph``."""
        return [event for event in self.events if event["ph"] == kind]

    def threads(self) -> dict[int, str]:
        """Names of the threads by their numbers."""
        named = [event for event in self.of_kind("M") if event["name"] == "thread_name"]
        return {event["tid"]: event["args"]["name"] for event in named}


def read_trace(path: Path) -> Trace:
    """The file, checked."""
    return Trace(json.loads(path.read_text()))


def _check(events: list[dict[str, Any]]) -> None:
    for event in events:
        kind, name = event["ph"], event["name"]
        assert kind == "C" or name in _NAMES[kind], event
        assert kind != "C" or name.startswith(_COUNTERS), event
        assert type(event["pid"]) is int and type(event["tid"]) is int, event
        if kind != "M":
            assert isinstance(event["ts"], float) and event["ts"] > 0, event
        if kind == "X":
            assert isinstance(event["dur"], float) and event["dur"] >= 0, event
            assert set(event["args"]) <= _FACTS, event
        if kind == "C":
            assert [type(value) for value in event["args"].values()] == [int], event
            assert min(event["args"].values()) >= 0, event
    assert len({event["pid"] for event in events}) == 1
    named = {event["tid"] for event in events if event["ph"] == "M" and event["name"] == "thread_name"}
    spans = [event for event in events if event["ph"] == "X"]
    assert {span["tid"] for span in spans} <= named, "a thread without a name"
    for thread in named:
        _check_nesting([span for span in spans if span["tid"] == thread])
    _check_flows(events, spans)


def _check_nesting(spans: list[dict[str, Any]]) -> None:
    """Of one thread a span lies within another one or beside it; microseconds are rounded to nanoseconds."""
    slack = 0.002
    open_until: list[float] = []
    for span in sorted(spans, key=lambda span: (span["ts"], -span["dur"])):
        while open_until and open_until[-1] <= span["ts"] + slack:
            open_until.pop()
        end = span["ts"] + span["dur"]
        assert not open_until or end <= open_until[-1] + slack, f"it overlaps another one: {span}"
        open_until.append(end)


def _check_flows(events: list[dict[str, Any]], spans: list[dict[str, Any]]) -> None:
    begins, ends = ({event["id"]: event for event in events if event["ph"] == kind} for kind in "sf")
    assert begins.keys() == ends.keys()
    by_thread: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for span in spans:
        by_thread[span["tid"]].append(span)
    for number, begin in begins.items():
        end = ends[number]
        assert begin["ts"] <= end["ts"], "bytes are used after they came"
        assert "fetch" in _names_at(by_thread[begin["tid"]], begin["ts"])
        assert "decode" in _names_at(by_thread[end["tid"]], end["ts"])


def _names_at(spans: list[dict[str, Any]], time: float) -> Iterator[str]:
    return (span["name"] for span in spans if span["ts"] <= time <= span["ts"] + span["dur"])
