"""How much memory this machine has, and how much of it this process may use."""

from __future__ import annotations

import re
from pathlib import Path

from penstock.cores import control_groups, local_processes

__all__ = ["system_memory", "usable_memory"]

_MEMINFO = Path("/proc/meminfo")
#: Where nothing can be found out.
_UNKNOWN = 4 << 30


def usable_memory() -> int:
    """Bytes that this process could still take: what the machine has left, at most what its control groups allow
    beyond what they have, divided by the processes that a launcher has started on this machine.
    """
    found = [system_memory("MemAvailable"), *map(_left_in, control_groups("memory"))]
    return max(0, min((size for size in found if size is not None), default=_UNKNOWN)) // local_processes()


def system_memory(name: str) -> int | None:
    """Bytes that the system states under a name, such as "MemTotal" or "MemAvailable"; None where it states none."""
    try:
        text = _MEMINFO.read_text()
    except OSError:
        return None
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return None if found is None else int(found[1]) << 10


def _left_in(group: Path) -> int | None:
    """What a control group of version 2 allows beyond what it has, or of version 1; None where there is no limit."""
    for limit, taken in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
        try:
            return int((group / limit).read_text()) - int((group / taken).read_text())
        except (OSError, ValueError):  # "max" is no number: there is none
            continue
    return None
