"""What runs plans: one interface of both loaders."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol

from penstock.loading.plan import Plan

__all__ = ["Engine"]


class Engine(Protocol):
    """Loads the batches of plans. Several runs may be under way."""

    def run(self, plan: Plan) -> Generator[Any, None, None]:
        """Yields the plan's batches in order."""
        ...

    def stats(self) -> dict[str, float]:
        """Counters since the start; see :meth:`penstock.DataLoader.stats`."""
        ...

    def close(self) -> None:
        """Ends threads and processes. Idempotent; running raises afterwards."""
        ...
