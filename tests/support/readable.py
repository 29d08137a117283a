"""Waits for what comes from another process."""

from __future__ import annotations

import select
from typing import IO

__all__ = ["readable"]


def readable(file: int | IO[bytes], seconds: float) -> bool:
    """Whether something comes within so many seconds, an end included. Of descriptors of any number, which ``select()``
    has not: a process that has run thousands of tests may have more than 1,024."""
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
