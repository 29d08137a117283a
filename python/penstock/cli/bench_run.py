"""Timed epochs of a loader, with what they cost."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from typing import Any

from penstock.loader import DataLoader
from penstock.progress import progress

__all__ = ["Epoch", "peak_mib", "run_epoch"]


@dataclass(frozen=True)
class Epoch:
    """One epoch, or its beginning.

    Attributes:
        samples: Delivered in it.
        seconds: How long it took.
        first_batch_seconds: From its start to its first batch.
        cpu_seconds: User and system time of this process and of the worker processes that ended with it.
        stats: What it added to the loader's counters.
    """

    samples: int
    seconds: float
    first_batch_seconds: float
    cpu_seconds: float
    stats: dict[str, float]

    @property
    def samples_per_second(self) -> float:
        return self.samples / self.seconds

    @property
    def figures(self) -> dict[str, float]:
        """Its figures by name, for JSON."""
        return {
            "samples": self.samples,
            "seconds": self.seconds,
            "first_batch_seconds": self.first_batch_seconds,
            "samples_per_second": self.samples_per_second,
            "cpu_seconds_per_1000": self.cpu_seconds / self.samples * 1000,
        }


def run_epoch(loader: DataLoader, *, most_seconds: float, most_batches: int | None) -> Epoch:
    """Takes batches of an epoch and drops them, until it ends or a limit is reached; one batch at least."""
    before, cpu_before = loader.stats(), _cpu_seconds()
    total = len(loader) if most_batches is None else min(len(loader), most_batches)
    start = time.perf_counter()
    first = 0.0
    batches = iter(loader)
    for number, _ in enumerate(progress(batches, total, "batch"), start=1):
        elapsed = time.perf_counter() - start
        first = first or elapsed
        if number >= total or elapsed >= most_seconds:
            break
    seconds = time.perf_counter() - start
    stats = _difference(loader.stats(), before)
    # Worker processes are counted when they have ended, which they do with the iterator.
    _close(batches)
    return Epoch(int(stats["samples"]), seconds, first, _cpu_seconds() - cpu_before, stats)


def peak_mib() -> float:
    """The most memory that this process has held since its start, in MiB; worker processes have their own."""
    return _usage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _close(batches: Any) -> None:
    close = getattr(batches, "close", None)
    if close is not None:
        close()


def _difference(after: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    return {key: value - before.get(key, 0) for key, value in after.items()}


def _cpu_seconds() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime for usage in map(_usage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _usage(who: int) -> resource.struct_rusage:
    return resource.getrusage(who)
