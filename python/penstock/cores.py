"""How many processor cores this process may use."""

from __future__ import annotations

import logging
import os
from pathlib import Path

__all__ = ["control_groups", "core_quota", "local_processes", "usable_cores", "warn_of_too_many"]

logger = logging.getLogger("penstock")

_warned = False

_GROUPS = Path("/sys/fs/cgroup")
#: Names the process's own group below _GROUPS, where the whole tree is to be seen.
_MEMBERSHIP = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """Cores that this process may use, at least 1: those that it may run on, at most as many as the quota of its
    control group pays for, divided by the processes that a launcher has started on this machine (``LOCAL_WORLD_SIZE``,
    which torchrun sets).
    """
    cores, quota = _allowed_cores(), core_quota()
    if quota is not None:
        cores = min(cores, max(1, int(quota)))
    return max(1, cores // local_processes())


def core_quota() -> float | None:
    """Cores that this process's control group pays for; None where there is no limit."""
    return min((quota for quota in map(_quota, control_groups("cpu")) if quota is not None), default=None)


def warn_of_too_many(threads: int, workers: int) -> None:
    """Says once in a process, in the log, that threads or worker processes are more than the cores that it may use.

    Args:
        threads: Decoding threads of a loader.
        workers: Its worker processes.
    """
    global _warned
    cores = usable_cores()
    if _warned or max(threads, workers) <= cores:
        return
    _warned = True
    ranks = local_processes()
    logger.warning(
        "penstock: %s are more than the %d %s that this process may use%s: they take turns, and each takes memory; "
        "leave num_threads to its default, or lower it",
        f"{threads} decoding threads" if threads > cores else f"{workers} worker processes",
        cores,
        "core" if cores == 1 else "cores",
        f", of {ranks} that share the machine" if ranks > 1 else "",
    )


def _allowed_cores() -> int:
    # Linux alone knows which cores a process is bound to.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def control_groups(kind: str) -> list[Path]:
    """The folders of the control groups whose limits of a kind ("cpu", "memory") bind this process: its own and those
    above it; version 1 has a tree for each kind of limit.
    """
    groups = [_GROUPS, _GROUPS / kind]
    try:
        for line in _MEMBERSHIP.read_text().splitlines():
            _, kinds, path = line.split(":", 2)
            tree = _GROUPS if kinds == "" else _GROUPS / kind
            if kinds == "" or kind in kinds.split(","):
                parts = [part for part in path.split("/") if part not in ("", "..")]
                groups += [tree.joinpath(*parts[: depth + 1]) for depth in range(len(parts))]
    except (OSError, ValueError):
        pass
    return groups


def _quota(group: Path) -> float | None:
    """Cores that a control group's time is worth; None where there is no limit, or nobody to tell."""
    try:
        period: str
        try:
            quota, period = (group / "cpu.max").read_text().split()
        except FileNotFoundError:  # version 1 of control groups
            quota = (group / "cpu.cfs_quota_us").read_text()
            period = (group / "cpu.cfs_period_us").read_text()
        cores = int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # "max" is no number
        return None
    return cores if cores > 0 else None


def local_processes() -> int:
    """Processes that a launcher has started on this machine (``LOCAL_WORLD_SIZE``, which torchrun sets), at least 1."""
    text = os.environ.get("LOCAL_WORLD_SIZE", "")
    return max(1, int(text)) if text.isascii() and text.isdigit() else 1
