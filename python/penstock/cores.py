"""How many processor cores this process may use."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["usable_cores"]

_GROUPS = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """Cores that this process may use, at least 1: those that it may run on, at most as many as the quota of its
    control group pays for, divided by the processes that a launcher has started on this machine (``LOCAL_WORLD_SIZE``,
    which torchrun sets).
    """
    cores = _allowed_cores()
    quota = _quota(_GROUPS)
    if quota is not None:
        cores = min(cores, max(1, int(quota)))
    return max(1, cores // _local_processes())


def _allowed_cores() -> int:
    # Linux alone knows which cores a process is bound to.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota(groups: Path) -> float | None:
    """Cores that the control group's time is worth; None where there is no limit, or nobody to tell."""
    try:
        period: str
        try:
            quota, period = (groups / "cpu.max").read_text().split()
        except FileNotFoundError:  # version 1 of control groups
            quota = (groups / "cpu/cpu.cfs_quota_us").read_text()
            period = (groups / "cpu/cpu.cfs_period_us").read_text()
        cores = int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # "max" is no number
        return None
    return cores if cores > 0 else None


def _local_processes() -> int:
    text = os.environ.get("LOCAL_WORLD_SIZE", "")
    return max(1, int(text)) if text.isascii() and text.isdigit() else 1
