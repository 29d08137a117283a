"""numpy's random numbers, taken from a step's draws: frameworks' own transforms then draw what our steps draw."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np

from penstock.loading.draws import Draws

__all__ = ["drawing_from"]


@contextlib.contextmanager
def drawing_from(draws: Draws) -> Iterator[None]:
    """Within it, the functions of ``numpy.random`` that frameworks draw with take their numbers from ``draws``."""
    fakes = {name: getattr(_Fake(draws), name) for name in _Fake.NAMES}
    with mock.patch.multiple(np.random, **fakes):
        yield


class _Fake:
    """numpy's functions, with numpy's own refusals. What is not written here is not used, and fails."""

    NAMES = ("choice", "permutation", "rand", "randint", "random", "random_sample", "uniform")

    def __init__(self, draws: Draws) -> None:
        self._draws = draws

    def randint(self, low: int, high: int | None = None, size: int | None = None) -> Any:
        low, high = (0, low) if high is None else (low, high)
        if low >= high:
            raise ValueError("low >= high")
        if size is None:
            return self._draws.randint(low, high)
        return np.array([self._draws.randint(low, high) for _ in range(size)])

    def uniform(self, low: float = 0.0, high: float = 1.0, size: Any = None) -> Any:
        if size is None or size == []:
            return self._draws.uniform(low, high)
        return np.array([self._draws.uniform(low, high) for _ in range(size)])

    def random_sample(self) -> float:
        return self._draws.random()

    def random(self) -> float:
        return self._draws.random()

    def rand(self, size: int) -> Any:
        return np.array([self._draws.random() for _ in range(size)])

    def permutation(self, length: int) -> Any:
        return np.array(self._draws.permutation(length), dtype=np.int64)

    def choice(self, items: Any, size: int | None = None, replace: bool = True, p: Any = None) -> Any:
        if p is not None:
            if min(p) < 0 or len(p) != len(items):
                raise ValueError("not probabilities")
            return items[self._draws.weighted(p)]
        if size is not None:
            assert not replace and isinstance(items, int)
            return np.array(self._draws.permutation(items)[:size], dtype=np.int64)
        return np.array(items)[self._draws.randint(0, len(items))]
