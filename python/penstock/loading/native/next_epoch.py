"""The epoch that is begun before anybody asks for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from penstock.loading.plan import EpochPlan, Segment
from penstock.locks import ForkLock

if TYPE_CHECKING:
    from penstock import _core

__all__ = ["NextEpoch"]

#: Planning takes time in the thread that iterates, and a longer epoch gains nothing from how it begins.
_MOST_SAMPLES = 1_000_000


class _Begun(NamedTuple):
    epoch: int
    seed: int
    segment: Segment
    handle: _core.Epoch
    pid: int


class NextEpoch:
    """Begins an epoch's first batches while the last ones of the epoch before are under way.

    Nothing is begun before an epoch has run to its end: a program that iterates once wants no second epoch. What is
    begun has no effect but time saved: it is taken where the next plan is the same, else it is dropped.

    Attributes:
        plan: Gives the plan of the next epoch as things are, or None where it cannot be told or has more samples than
            it is given; None: nobody knows.
    """

    def __init__(self) -> None:
        self.plan: Callable[[int], EpochPlan | None] | None = None
        self._likely = False
        self._begun: _Begun | None = None
        # Two threads that begin an epoch must not take the same one.
        self._lock = ForkLock()

    def ended(self) -> None:
        """An epoch has run to its end."""
        self._likely = True

    def begin(self, seed: int, start: Callable[[Segment, int], _core.Epoch]) -> None:
        """To be called with each batch of an epoch whose other batches are all under way.

        Args:
            seed: The loader's.
            start: Starts the core on a segment of an epoch, after the epoch that is under way.
        """
        if self.plan is None or not self._likely or self._begun is not None:
            return
        with self._lock:
            plan = self.plan(_MOST_SAMPLES) if self._begun is None else None
            if plan is None or len(plan) == 0:
                return
            segment = plan.remaining()
            self._begun = _Begun(plan.epoch, seed, segment, start(segment, plan.epoch), os.getpid())

    def take(self, epoch: int, segment: Segment, seed: int) -> _core.Epoch | None:
        """What was begun, if it is this; else that is dropped."""
        begun = self._taken()
        if begun is None or begun.pid != os.getpid():
            return None
        same = (
            (begun.epoch, begun.seed) == (epoch, seed)
            and np.array_equal(begun.segment.ends, segment.ends)
            and np.array_equal(begun.segment.order, segment.order)
        )
        if same:
            return begun.handle
        begun.handle.close()
        return None

    def close(self) -> None:
        """Drops what was begun. Idempotent; in a forked child, which has no part in it, too."""
        begun = self._taken()
        if begun is not None:
            begun.handle.close()

    def _taken(self) -> _Begun | None:
        with self._lock:
            begun, self._begun = self._begun, None
            return begun
