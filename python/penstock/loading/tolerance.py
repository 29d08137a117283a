"""Samples that cannot be loaded, and what takes their place.

Note [What takes a bad sample's place]: the next sample of the same epoch's order that is good, of the same group where
batches are of one group. That depends on nothing but seed, epoch and which samples are bad: not on threads, on ranks or
on when a sample was found to be bad. Of a sampler of the user's own, whose order ends nowhere, it is the good sample
that was drawn last before it, else the first one after it. Batches and ranks keep their lengths.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.described import described
from penstock.errors import (
    ChunkFormatError,
    ChunkNotFoundError,
    ConfigError,
    DecodeError,
    LinkNotFoundError,
    PenstockError,
    TransformError,
)
from penstock.loading.engine import Engine
from penstock.loading.plan import EpochPlan, Plan
from penstock.loading.sampling import SharedSampler
from penstock.locks import ForkLock

__all__ = ["ErrorPolicy", "OnError", "TolerantEngine", "error_policy"]

logger = logging.getLogger("penstock")

#: ``on_error`` as a user says it.
OnError = str | Callable[[PenstockError], Any]

#: What is a matter of one sample. A storage that fails, or a timeout, is none.
_OF_A_SAMPLE = (ChunkFormatError, ChunkNotFoundError, DecodeError, LinkNotFoundError, TransformError)
_FORM = re.compile(r"skip(?::(?:(?P<count>\d+)|(?P<percent>\d+(?:\.\d+)?)%))?\Z")


class ErrorPolicy:
    """Which errors a loader bears, and the samples that it has found to be bad.

    Args:
        decide: Called with the error of each bad sample; False raises it.
        count: So many samples may be bad.
        share: This part of all samples may be bad.
        text: As the user says it.

    Attributes:
        bad: Indices of samples that are bad in every epoch.
    """

    def __init__(self, decide: Callable[[PenstockError], Any] | None, count: float, share: float, text: str) -> None:
        self._decide = decide
        self._count = count
        self._share = share
        self.text = text
        self.bad: set[int] = set()
        self._found: set[tuple[str | None, int | None]] = set()
        self._counting = ForkLock()

    @property
    def count(self) -> int:
        """How many bad samples were found."""
        return len(self._found)

    def bear(self, error: PenstockError, samples: int) -> None:
        """Notes that the sample which an error names is bad, of so many.

        Raises:
            PenstockError: The error, where it is not to be borne.
        """
        sample = (error.path, error.index)
        if sample in self._found:
            return
        if self._decide is not None and self._decide(error) is False:
            raise error
        budget = min(self._count, self._share * samples)
        with self._counting:
            borne = sample in self._found or len(self._found) + 1 <= budget
            if borne:
                self._found.add(sample)
        if not borne:
            error.hint = f"on_error={self.text!r} bears {int(budget)} bad samples, and these are used up"
            raise error
        logger.warning("penstock: a sample is left out, another takes its place: %s", error)


def error_policy(on_error: object) -> ErrorPolicy | None:
    """The policy of an ``on_error``; None where every error is raised.

    Raises:
        ValueError, TypeError: It is none.
    """
    if callable(on_error):
        return ErrorPolicy(on_error, math.inf, math.inf, described(on_error))
    if not isinstance(on_error, str):
        raise TypeError(f"on_error must be a str or a callable, got {described(on_error)}")
    if on_error == "raise":
        return None
    form = _FORM.match(on_error)
    if form is None:
        raise ValueError(
            "on_error must be 'raise', 'skip', 'skip:100', 'skip:1%' or a callable that takes the error, got "
            f"{described(on_error)}"
        )
    if form["count"] is not None:
        return ErrorPolicy(None, float(form["count"]), math.inf, on_error)
    if form["percent"] is not None:
        return ErrorPolicy(None, math.inf, float(form["percent"]) / 100, on_error)
    return ErrorPolicy(None, math.inf, math.inf, on_error)


class TolerantEngine:
    """Runs plans, and goes on with other samples where some are bad.

    Args:
        engine: Runs the plans.
        policy: What is borne.
        samples: How many samples there are.
        sampler: Where the plans' order is from.
    """

    def __init__(self, engine: Engine, policy: ErrorPolicy, samples: int, sampler: Any) -> None:
        self._engine = engine
        self._policy = policy
        self._samples = samples
        self._sampler = sampler

    def run(self, plan: Plan) -> Generator[Any, None, None]:
        """As :meth:`Engine.run`. The consumer counts in the plan what is handed out, as it gets it."""
        replace = _Replacement(self._policy.bad, plan.epoch, self._sampler)
        if self._policy.bad:
            plan.restart(replace)
        while True:
            batches = self._engine.run(plan)
            try:
                for batch in batches:
                    yield batch
                    del batch
                return
            except _OF_A_SAMPLE as error:
                if error.index is None:
                    raise
                failed = error
            finally:
                batches.close()
            self._leave_out(failed, plan, replace)
            replace.last = plan.last
            plan.restart(replace)

    def stats(self) -> dict[str, float]:
        """As :meth:`Engine.stats`, with the number of bad samples as ``errors``."""
        return self._engine.stats() | {"errors": float(self._policy.count)}

    def close(self) -> None:
        """As :meth:`Engine.close`."""
        self._engine.close()

    def _leave_out(self, error: PenstockError, plan: Plan, replace: _Replacement) -> None:
        batch = plan.next_batch()
        if error.index in batch:
            self._policy.bear(error, self._samples)
            self._policy.bad.add(error.index)
            return
        # A sample that is mixed into others, or the error names it as the dataset that stores it does.
        guilty = [(index, own) for index in batch if (own := self._error_alone(plan.epoch, index)) is not None]
        if not guilty:
            raise error
        for index, own in guilty:
            self._policy.bear(own, self._samples)
            replace.not_now.add(index)

    def _error_alone(self, epoch: int, index: int) -> PenstockError | None:
        batches = self._engine.run(EpochPlan.of_batches(epoch, [[index]], self._samples))
        try:
            next(batches)
        except _OF_A_SAMPLE as error:
            return error
        finally:
            batches.close()
        return None


class _Replacement:
    """Puts other samples in the places of bad ones: see the note above.

    Attributes:
        not_now: Samples that are good, and cannot be loaded in this epoch.
        last: The index before those that come next.
    """

    def __init__(self, bad: set[int], epoch: int, sampler: Any) -> None:
        self.not_now: set[int] = set()
        self._bad = bad
        self._epoch = epoch
        self._sampler = sampler
        self.last: int | None = None

    def __call__(self, indices: list[int]) -> list[int]:
        """The indices with others in the places of bad ones."""
        if not any(self._is_bad(index) for index in indices):
            self.last = indices[-1]
            return indices
        if isinstance(self._sampler, SharedSampler):
            return self._from_order(self._sampler, indices)
        return self._from_neighbours(indices)

    def _is_bad(self, index: int) -> bool:
        return index in self._bad or index in self.not_now

    def _from_order(self, sampler: SharedSampler, indices: list[int]) -> list[int]:
        order = sampler.order_of_all(self._epoch)
        found: dict[int, int] = {}
        for index in indices:
            if self._is_bad(index) and index not in found:
                found[index] = self._next_good(order, sampler.alike(index), index)
        return [found.get(index, index) for index in indices]

    def _next_good(self, order: npt.NDArray[np.int64], alike: npt.NDArray[np.int64] | None, index: int) -> int:
        candidates = order if alike is None else order[np.isin(order, alike)]
        (place, *_) = np.flatnonzero(candidates == index)
        for candidate in np.roll(candidates, -int(place)).tolist():
            if not self._is_bad(candidate):
                return int(candidate)
        raise _nothing_is_good()

    def _from_neighbours(self, indices: list[int]) -> list[int]:
        good = [index for index in indices if not self._is_bad(index)]
        if self.last is None or self._is_bad(self.last):
            if not good:
                raise _nothing_is_good()
            self.last = good[0]
        replaced = []
        for index in indices:
            self.last = self.last if self._is_bad(index) else index
            replaced.append(self.last)
        return replaced


def _nothing_is_good() -> ConfigError:
    return ConfigError("no sample is left that could take the place of bad ones")
