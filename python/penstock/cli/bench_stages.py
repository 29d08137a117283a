"""What an epoch's time went to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Stage", "stages_of"]


@dataclass(frozen=True)
class Stage:
    """One stage of the loading.

    Attributes:
        seconds_per_1000: Time in it for 1,000 samples, summed over threads.
        share: Of the loader's work; for "wait", which is no work, of the whole time.
    """

    seconds_per_1000: float
    share: float


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
