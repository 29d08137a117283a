"""A plan on the core, segment by segment."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from penstock.loading.plan import Segment

if TYPE_CHECKING:
    from penstock import _core

__all__ = ["CoreRun", "Loaded"]

#: Indices, tensors and meta rows of a batch, as :meth:`penstock._core.Epoch.next` gives them.
Loaded = tuple[Any, list[Any], Any]


class CoreRun:
    """The batches of a plan. The core begins a segment when the one before it has given its first batch.

    Args:
        segments: The plan's.
        start: Starts the core on one, after another one that is under way, if any.

    Attributes:
        left: Batches of the segments that are begun which are still to come.
    """

    def __init__(
        self, segments: Iterator[Segment], start: Callable[[Segment, _core.Epoch | None], _core.Epoch]
    ) -> None:
        self.left = 0
        self._segments = segments
        self._start = start
        self._epochs: deque[_core.Epoch] = deque()
        self._drawn: deque[Segment] = deque()
        self._more()

    def next(self, take: Callable[[_core.Epoch], Loaded | None]) -> Loaded | None:
        """The next batch, as ``take`` gets it of the core's epoch; None after the last one."""
        while self._epochs or self._more():
            loaded = take(self._epochs[0])
            if loaded is not None:
                self.left -= 1
                if len(self._epochs) == 1:
                    self._more()
                return loaded
            self._epochs.popleft().close()
        return None

    def batches(self) -> Iterator[npt.NDArray[np.int64]]:
        """The indices of each batch, drawn ahead as far as they are asked for."""
        while True:
            while self._drawn:
                yield from self._drawn.popleft().batches()
            if not self._more():
                return

    @property
    def last(self) -> _core.Epoch | None:
        """The core's epoch that was started last, while it is under way."""
        return self._epochs[-1] if self._epochs else None

    @property
    def prefetch(self) -> int:
        """Batches that the core may have under way."""
        return self._epochs[-1].prefetch if self._epochs else 0

    def close(self) -> None:
        """Ends what is under way; the core drops it."""
        while self._epochs:
            self._epochs.popleft().close()

    def _more(self) -> bool:
        segment = next(self._segments, None)
        if segment is None:
            return False
        self._epochs.append(self._start(segment, self.last))
        self.left += len(segment.ends)
        self._drawn.append(segment)
        return True
