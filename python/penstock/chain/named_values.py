"""The dict in which Deep Lake 3 gives samples and batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["NamedValues"]


class NamedValues(dict[str, Any]):
    """A dict that iterates over its values, so that ``for images, labels in loader`` works. ``keys()``, ``items()``,
    ``in`` and ``len`` are those of any dict.
    """

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values())

    def copy(self) -> NamedValues:
        """A new one with the same values."""
        return NamedValues(self.items())
