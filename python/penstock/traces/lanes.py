"""Spans that go on side by side, each in the first lane that is free: a lane is drawn as a thread is."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

__all__ = ["lanes_of"]


def lanes_of(spans: Iterable[tuple[int, int]]) -> list[int]:
    """The lane of each span, from 0: those of one lane do not overlap, and there are as few as can be.

    Args:
        spans: Start and end of each.
    """
    spans = list(spans)
    lanes = [0] * len(spans)
    free: list[int] = []
    under_way: list[tuple[int, int]] = []
    used = 0
    for number in sorted(range(len(spans)), key=spans.__getitem__):
        start, end = spans[number]
        while under_way and under_way[0][0] <= start:
            heapq.heappush(free, heapq.heappop(under_way)[1])
        if free:
            lane = heapq.heappop(free)
        else:
            lane, used = used, used + 1
        lanes[number] = lane
        heapq.heappush(under_way, (end, lane))
    return lanes
