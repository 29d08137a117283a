"""Tensors that the C++ core does not read, read ahead by Python threads while the core reads the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from penstock.readings import Reading

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
        threads: How many read. They end with the iterator.
        ahead: Batches under way beside the one yielded last.
    """
    if not readings:
        yield from ({} for _ in batches)
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="penstock-py")
    try:
        under_way: deque[Columns] = deque()
        for indices in batches:
            under_way.append(
                {
                    key: [pool.submit(reading.read, index) for index in indices]
                    for key, reading in readings.items()
                }
            )
            if len(under_way) > ahead:
                yield under_way.popleft()
        yield from under_way
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
