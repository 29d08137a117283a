"""How much memory this process may use."""

from __future__ import annotations

from pathlib import Path

from penstock.cores import local_processes

__all__ = ["usable_memory"]

_MEMINFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")
#: Where nothing can be found out.
_UNKNOWN = 4 << 30


def usable_memory() -> int:
    """Bytes that this process could still take: what the machine has left, at most what the control group allows
    beyond what it has, divided by the processes that a launcher has started on this machine.
    """
    found = [size for size in (_left_on_machine(), _left_in_group()) if size is not None]
    return max(0, min(found, default=_UNKNOWN)) // local_processes()


def _left_on_machine() -> int | None:
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    except (OSError, ValueError):
        pass
    return None


def _left_in_group() -> int | None:
    """Of version 2 of control groups, or 1; None where there is no limit."""
    for limit, taken in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            return int((_GROUP / limit).read_text()) - int((_GROUP / taken).read_text())
        except (OSError, ValueError):  # "max" is no number: there is none
            continue
    return None
