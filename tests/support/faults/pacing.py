"""Rates of a link that is none."""

from __future__ import annotations

import asyncio
import time


class Pacer:
    """Lets bytes through at a rate; shared by those who share a link."""

    def __init__(self, bytes_per_second: float) -> None:
        self._rate = bytes_per_second
        self._free_at = 0.0
        # A hundred pieces a second are smooth enough and cost little.
        self.piece = max(1, int(bytes_per_second / 100))

    async def wait(self, count: int) -> None:
        """Returns when ``count`` bytes may go."""
        now = time.monotonic()
        start = max(now, self._free_at)
        self._free_at = start + count / self._rate
        await asyncio.sleep(self._free_at - now)
