"""What limits the speed of a loader, by what it has counted, and what to change."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penstock.dataset import Dataset, Tensor
from penstock.loading.options import SAMPLES_A_THREAD
from penstock.storage.store import Store

__all__ = ["Lanes", "Limit", "limit_of", "request_seconds"]

#: With less waiting than this share of the time, and no Python in the way, batches were there when they were wanted.
_CONSUMER_BOUND = 0.05
#: With more than this share of a read's time spent until its first byte, more bytes in a read cost little.
_LATENCY_BOUND = 0.5
_REQUESTS = 3


@dataclass(frozen=True)
class Lanes:
    """How many of each kind of work can go on at once.

    Attributes:
        threads: Decoding threads.
        workers: Worker processes; 0: Python runs in the thread that iterates.
        batches: Batches that are decoded side by side, and may wait for their data, at least (``prefetch_factor``).
    """

    threads: int
    workers: int = 0
    batches: int = 2


@dataclass(frozen=True)
class Limit:
    """What limits the speed, and what to change.

    Attributes:
        stage: "link" or "latency" (reading remote data), "fetch" (reading otherwise), "decode", "transform", "python",
            or "consumer", who takes the batches.
        text: The same for a user, with what would help.
    """

    stage: str
    text: str


def request_seconds(dataset: Dataset, tensors: Sequence[Tensor]) -> float | None:
    """How long the smallest request to a remote dataset takes: the median of a few for a byte of one of its chunks, in
    seconds. None where it is not remote, or has no chunks that can be seen.

    Args:
        dataset: The dataset.
        tensors: Tensors of it that are read.

    Raises:
        StorageError: It cannot be reached.
    """
    for part, own in dataset.stored_in(tensors):
        for tensor in own if part.is_remote and part.stores else ():
            stored = tensor.core_source().in_chunks
            if stored is not None and len(stored.chunks):
                return _median_seconds(part.stores[0], stored.chunks.key(0))
    return None


def _median_seconds(store: Store, key: str) -> float:
    spent = []
    for _ in range(_REQUESTS):
        start = time.perf_counter()
        # Where the chunk is missing, the answer takes as long.
        with contextlib.suppress(FileNotFoundError):
            store.read(key, 0, 1)
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)


def limit_of(
    stats: Mapping[str, float],
    seconds: float,
    lanes: Lanes,
    python_steps: Sequence[tuple[str, float]] = (),
    *,
    latency: float | None = None,
) -> Limit:
    """What was busy most of the time.

    Args:
        stats: What was added to :meth:`penstock.DataLoader.stats`.
        seconds: How long that took.
        lanes: Threads and worker processes.
        python_steps: The transform's steps that run in Python and the seconds that each takes on a sample.
        latency: Of remote data, what :func:`request_seconds` says.
    """
    if "decode_seconds" not in stats:
        # It waited for Python, whatever else there was.
        return Limit("python", _python_loader(python_steps))
    spent = {name: stats[f"{name}_seconds"] for name in ("decode", "transform", "python")}
    busy = {
        # Reading goes on beside all else, and well ahead: what counts is when batches had to wait for it.
        "fetch": stats["data_wait_seconds"] / _batches_side_by_side(stats, lanes),
        # They take turns on the same threads.
        "threads": (spent["decode"] + spent["transform"]) / lanes.threads,
        "python": spent["python"] / max(1, lanes.workers),
    }
    most = max(busy, key=lambda name: busy[name])
    if stats["wait_seconds"] < _CONSUMER_BOUND * seconds and most != "python":
        return Limit(
            "consumer",
            "the consumer: batches were ready before they were asked for; a faster loader would gain nothing",
        )
    if most == "python":
        return Limit("python", _python(python_steps))
    if most == "fetch":
        return _reading(stats, latency)
    if spent["decode"] >= spent["transform"]:
        return Limit(
            "decode",
            f"decoding on {lanes.threads} threads: more cores and threads (num_threads, --threads) would help, and so "
            "would images that are stored no larger than they are used",
        )
    return Limit(
        "transform",
        f"native transforms on {lanes.threads} threads: more cores and threads (num_threads, --threads) would help, "
        "and so would a smaller image scale",
    )


def _batches_side_by_side(stats: Mapping[str, float], lanes: Lanes) -> float:
    """Batches that waited for their data at a time, at most: more than ``prefetch_factor`` where they are small."""
    others = SAMPLES_A_THREAD * lanes.threads * stats["batches"] / max(1, stats["samples"])
    return max(lanes.batches, 1 + others)


def _reading(stats: Mapping[str, float], latency: float | None) -> Limit:
    if latency is None or not stats["fetch_seconds"]:
        return Limit(
            "fetch",
            "reading: faster storage would help, or fewer others that read from it; so may a larger prefetch_factor, "
            "and chunk_cache_bytes that hold more of the dataset",
        )
    reads, size = max(stats["reads"], 1), stats["bytes_read"]
    what = f"{reads:.0f} reads of {size / reads / 1e6:.2f} MB took {stats['fetch_seconds'] / reads * 1000:.0f} ms each"
    if latency * reads > _LATENCY_BOUND * stats["fetch_seconds"]:
        return Limit(
            "latency",
            f"latency: {what}, and the smallest takes {latency * 1000:.0f} ms; fewer and larger reads would help "
            "(shuffle='chunk'), and so would a machine nearer to the data",
        )
    return Limit(
        "link",
        f"the link: {what}, and the smallest takes {latency * 1000:.0f} ms; a faster network would help, or fewer "
        "others that use it",
    )


def _python(steps: Sequence[tuple[str, float]]) -> str:
    if not steps:
        return "Python's transform and collate: (more) worker processes (num_workers) would help"
    return (
        f"Python: {_slowest(steps)}; a native transform in its place, or (more) worker processes (num_workers, in a "
        "configuration workers_per_gpu) would help"
    )


def _python_loader(steps: Sequence[tuple[str, float]]) -> str:
    what = _slowest(steps) if steps else "decoding in Python"
    return f"Python: {what}; loader_type='c++' (--loader-type c++) is faster, where the extension is installed"


def _slowest(steps: Sequence[tuple[str, float]]) -> str:
    name, seconds = max(steps, key=lambda step: step[1])
    return f"the step {name} takes {seconds * 1000:.1f} of its {sum(own for _, own in steps) * 1000:.1f} ms a sample"
