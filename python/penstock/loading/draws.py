"""The random numbers of one step of one sample, by the names of the functions that MMDetection draws with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from penstock.loading.streams import step_generator

__all__ = ["Draws", "Stream"]

_Item = TypeVar("_Item")


class Stream:
    """The random numbers of one sample: a stream of its own for each of its steps.

    Note [One stream a step]: a step's draws do not depend on how many an earlier step took, and a step that runs in
    Python after native ones needs nothing from them. :mod:`penstock.loading.streams` says which stream it is.

    Args:
        seed, epoch: Of the loader.
        index: The sample that was planned, also where another takes its place.
        attempt: How many samples the pipeline has rejected before, in this one's place.
        part: 0 for the sample itself; n for the n-th other image that is mixed into it.
    """

    def __init__(self, seed: int, epoch: int, index: int, attempt: int = 0, part: int = 0) -> None:
        self._seed = seed
        self._epoch = epoch
        self._index = index
        self._attempt = attempt
        self._part = part

    @property
    def seed(self) -> int:
        """That of the loader."""
        return self._seed

    @property
    def epoch(self) -> int:
        """The epoch."""
        return self._epoch

    @property
    def index(self) -> int:
        """The sample that was planned."""
        return self._index

    def of_sample(self, index: int) -> Stream:
        """The stream of another sample in the same epoch."""
        return Stream(self._seed, self._epoch, index)

    def step(self, number: int) -> Draws:
        """The draws of step ``number`` (from 0) of the pipeline."""
        return Draws(step_generator(self._seed, self._epoch, self._index, self._attempt, self._part, number))

    def part(self, number: int) -> Stream:
        """The stream of the ``number``-th (from 1) other image that is mixed into this sample."""
        return Stream(self._seed, self._epoch, self._index, self._attempt, number)

    def attempt(self, number: int) -> Stream:
        """The stream of the ``number``-th (from 1) sample that takes the place of a rejected one."""
        return Stream(self._seed, self._epoch, self._index, number, self._part)


class Draws:
    """Random numbers in the order in which they are asked for; each method says how many doubles in [0, 1) it takes.

    Every number is made of such doubles, u, by a formula that C++ has too (csrc/transform/steps/draws.h).
    """

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def random(self) -> float:
        """u. One double."""
        return float(self._generator.random())

    def uniform(self, low: float, high: float) -> float:
        """low + (high - low) * u. One double."""
        return low + (high - low) * self.random()

    def randint(self, low: int, high: int) -> int:
        """low + floor(u * (high - low)): in [low, high). One double, also where there is one choice alone."""
        return low + math.floor(self.random() * (high - low))

    def choice(self, items: Sequence[_Item]) -> _Item:
        """One of the items, all equally likely. One double."""
        return items[self.randint(0, len(items))]

    def weighted(self, weights: Sequence[float]) -> int:
        """A position, each with its weight: the first whose cumulated share exceeds u. One double."""
        cumulated = np.cumsum(np.asarray(weights, dtype=np.float64))
        cumulated /= cumulated[-1]
        return int(cumulated.searchsorted(self.random(), side="right"))

    def lasting(self, share: float) -> int:
        """For how many rounds something lasts that lasts one more with a probability of ``share``, below 1: n with a
        probability of (1 - share) * share**n. The number of n from 1 on for which 1 - u is at most share**n. One
        double.
        """
        left, rounds, most = 1.0 - self.random(), 0, share
        while left <= most:
            rounds += 1
            most *= share
        return rounds

    def permutation(self, length: int) -> list[int]:
        """The numbers below ``length`` in random order: from the last place down, each is swapped with one of those
        up to it. length - 1 doubles."""
        order = list(range(length))
        for last in range(length - 1, 0, -1):
            other = self.randint(0, last + 1)
            order[last], order[other] = order[other], order[last]
        return order
