"""What oracles share: silence, and equality to the last bit."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

__all__ = ["assert_same", "numpy_silent"]


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
