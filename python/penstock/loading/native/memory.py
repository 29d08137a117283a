"""How much memory the core may hold."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from penstock.loading.byte_sizes import byte_size

if TYPE_CHECKING:
    from penstock import _core

__all__ = ["MemoryLimit"]

logger = logging.getLogger("penstock")


class MemoryLimit:
    """The ``memory_limit`` of a loader.

    Args:
        limit: As :class:`penstock.DataLoader` takes it.
        path: Of the dataset, for the log.

    Attributes:
        limit: In bytes; None where there is none.
    """

    def __init__(self, limit: int | str | None, path: str) -> None:
        self.limit = None if limit is None else byte_size("memory_limit", limit)
        self._path = path
        self._said = False

    def check(self, core: _core.Loader | None) -> None:
        """Says once, in the log, where a batch that was waited for has exceeded the limit."""
        if self.limit is None or self._said or core is None:
            return
        _, _, exceeded = core.memory()
        if not exceeded:
            return
        self._said = True
        logger.warning(
            "penstock: %s: memory_limit=%d is exceeded by %d bytes for a batch that is waited for: smaller batches "
            "would keep it",
            self._path,
            self.limit,
            exceeded,
        )
