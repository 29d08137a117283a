"""What an epoch's time went to, which stage limits it, and what to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Lanes", "Limit", "Stage", "limit_of", "stages_of"]

#: With less waiting than this share of the time, and no Python in the way, batches were there when they were wanted.
_CONSUMER_BOUND = 0.05
#: The native loader's own reading threads.
_READING_THREADS = 2


@dataclass(frozen=True)
class Lanes:
    """How many of each kind of work can go on at once."""

    threads: int
    workers: int = 0

    def of(self, stage: str) -> int:
        if stage == "fetch":
            return _READING_THREADS
        return max(1, self.workers) if stage == "python" else self.threads


@dataclass(frozen=True)
class Stage:
    """One stage of the loading.

    Attributes:
        seconds_per_1000: Time in it for 1,000 samples, summed over threads.
        share: Of the loader's work; for "wait", which is no work, of the whole time.
    """

    seconds_per_1000: float
    share: float


@dataclass(frozen=True)
class Limit:
    """The stage that limits the speed, and what to change."""

    stage: str
    text: str


def stages_of(stats: Mapping[str, float], seconds: float) -> dict[str, Stage]:
    """The stages of an epoch by name: "fetch", "decode", "transform", "python", "wait".

    The Python loader tells none of the first three apart: its work is all "python", as far as the consumer waited.

    Args:
        stats: What the epoch added to :meth:`penstock.DataLoader.stats`.
        seconds: How long it took.
    """
    if "decode_seconds" in stats:
        work = {name: stats[f"{name}_seconds"] for name in ("fetch", "decode", "transform", "python")}
    else:
        work = {"python": stats["wait_seconds"]}
    total = sum(work.values()) or 1.0
    per_1000 = 1000 / max(stats["samples"], 1)
    stages = {name: Stage(spent * per_1000, spent / total) for name, spent in work.items()}
    stages["wait"] = Stage(stats["wait_seconds"] * per_1000, stats["wait_seconds"] / seconds)
    return stages


def limit_of(
    stats: Mapping[str, float], seconds: float, lanes: Lanes, python_steps: Sequence[tuple[str, float]] = ()
) -> Limit:
    """Which stage was busy most of the time.

    Args:
        stats, seconds: As for :func:`stages_of`.
        lanes: Threads and worker processes.
        python_steps: The transform's steps that run in Python and the seconds that each takes on a sample.
    """
    if "decode_seconds" not in stats:
        # It waited for Python, whatever else there was.
        return Limit("python", _python_loader(python_steps))
    spent = {name: stats[f"{name}_seconds"] for name in ("fetch", "decode", "transform", "python")}
    busy = {
        "fetch": spent["fetch"] / lanes.of("fetch"),
        # They take turns on the same threads.
        "threads": (spent["decode"] + spent["transform"]) / lanes.threads,
        "python": spent["python"] / lanes.of("python"),
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
        return Limit(
            "fetch",
            "reading: faster storage would help, or fewer others that read from it; so may a larger prefetch_factor, "
            "and chunk_cache_bytes that hold more of the dataset",
        )
    if spent["decode"] >= spent["transform"]:
        return Limit(
            "decode",
            f"decoding on {lanes.threads} threads: more cores and --threads would help, and so would images that are "
            "stored no larger than they are used",
        )
    return Limit(
        "transform",
        f"native transforms on {lanes.threads} threads: more cores and --threads would help, and so would a smaller "
        "image scale",
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
    return f"Python: {what}; --loader-type c++ is faster, where the extension is installed"


def _slowest(steps: Sequence[tuple[str, float]]) -> str:
    name, seconds = max(steps, key=lambda step: step[1])
    return f"the step {name} takes {seconds * 1000:.1f} of its {sum(own for _, own in steps) * 1000:.1f} ms a sample"
