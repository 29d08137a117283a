"""Which request brought the bytes of which sample."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping, Sequence

from penstock.traces.core_trace import CoreEvent

__all__ = ["flows_of"]


def flows_of(
    fetches: Sequence[CoreEvent], fetched: Sequence[CoreEvent], threads: Mapping[int, Sequence[CoreEvent]]
) -> Iterator[tuple[int, tuple[int, CoreEvent]]]:
    """Pairs of a request, by its number, and the decoding of a sample, with its thread. A chunk's bytes may have come
    long before the sample's turn, for another one. What was asked for before the trace began has no pair.

    Args:
        fetches: The requests.
        fetched: When an item of a sample was there, of which chunk.
        threads: All events, by thread.
    """
    decoded = {
        (event.loader, event.epoch, event.batch, event.sample): (thread, event)
        for thread, events in threads.items()
        for event in events
        if event.name == "decode"
    }
    by_key: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for number, fetch in enumerate(fetches):
        by_key.setdefault((fetch.loader, fetch.key), []).append((fetch.start + fetch.duration, number))
    for ends in by_key.values():
        ends.sort()
    seen: set[tuple[int, int]] = set()
    for item in fetched:
        target = decoded.get((item.loader, item.epoch, item.batch, item.sample))
        ends = by_key.get((item.loader, item.key), [])
        place = bisect.bisect_right(ends, (item.start, len(fetches)))
        if target is None or place == 0 or target[1].start < ends[place - 1][0]:
            continue
        source = ends[place - 1][1]
        if (source, id(target)) not in seen:
            seen.add((source, id(target)))
            yield source, target
