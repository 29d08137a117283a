"""What oracles share: numpy's functions that draw from our numbers, and equality to the last bit."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
import torch

from penstock.loading.draws import Draws

__all__ = ["assert_same", "drawing_from", "numpy_silent"]


@contextlib.contextmanager
def drawing_from(draws: Draws) -> Iterator[None]:
    """Within it, the functions of ``numpy.random`` that MMDetection draws with take their numbers from ``draws``."""
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


@contextlib.contextmanager
def numpy_silent() -> Iterator[None]:
    """NaN boxes make numpy warn, and some of MMDetection's code is deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def assert_same(actual: Any, expected: Any, where: str = "results") -> None:
    """Equal to the last bit, types of arrays and containers included."""
    assert type(actual) is type(expected) or np.isscalar(expected), (where, type(actual), type(expected))
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys(), where
        for key in expected:
            assert_same(actual[key], expected[key], f"{where}[{key!r}]")
    elif isinstance(expected, (list, tuple)):
        assert len(actual) == len(expected), where
        for number, pair in enumerate(zip(actual, expected, strict=True)):
            assert_same(*pair, f"{where}[{number}]")
    elif isinstance(expected, torch.Tensor):
        assert_same(actual.numpy(), expected.numpy(), where)
    elif isinstance(expected, np.ndarray):
        assert actual.dtype == expected.dtype, where
        np.testing.assert_array_equal(actual, expected, err_msg=where, strict=True)
    elif type(expected).__name__ in ("BitmapMasks", "PolygonMasks", "DataContainer", "HorizontalBoxes"):
        assert_same(vars(actual), vars(expected), where)
    else:
        assert actual == expected, where
