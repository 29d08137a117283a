"""Tensors that the C++ core does not read, read ahead by Python threads while the core reads the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from penstock.loading.readings import Reading
from penstock.threads import DaemonPool

__all__ = ["read_columns"]

#: The samples of a batch by key, each under way or ready.
Columns = dict[str, list["Future[Any]"]]


def read_columns(
    readings: Mapping[str, Reading],
    batches: Iterable[Iterable[int]],
    *,
    threads: int,
    ahead: int,
) -> Generator[Columns, None, None]:
    """Yields the samples of each batch as futures, whose ``result()`` raises what reading the sample raised.

    Args:
        readings: By key.
        batches: Indices, batch by batch.
        threads: How many read. They end with the iterator, or when what they read returns.
        ahead: Batches under way beside the one yielded last.
    """
    if not readings:
        yield from ({} for _ in batches)
        return
    pool = DaemonPool(threads, "penstock-py", "num_threads")
    try:
        under_way: deque[Columns] = deque()
        for indices in batches:
            under_way.append(
                {key: [pool.submit(reading.read, index) for index in indices] for key, reading in readings.items()}
            )
            if len(under_way) > ahead:
                yield under_way.popleft()
        yield from under_way
    finally:
        pool.close()
