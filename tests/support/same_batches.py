"""Compares batches of MMDetection's form that two loaders have made of the same samples."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

__all__ = ["Tolerance", "assert_same_batches"]


class Tolerance(NamedTuple):
    """How far batches may differ: images, on the scale of 0..255, by more than ``level`` in no more than ``share`` of
    their values; boxes by ``boxes`` pixels.
    """

    share: float = 1e-4
    level: float = 1e-3
    boxes: float = 0.0


def assert_same_batches(first: list[Any], second: list[Any], tolerance: Tolerance = Tolerance()) -> None:  # noqa: B008
    """Expects equal labels, masks and metas, and images and boxes within the tolerance."""
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            _assert_same(key, one[key], other[key], tolerance)


def _assert_same(key: str, one: Any, other: Any, tolerance: Tolerance) -> None:
    if isinstance(one, list):
        assert len(one) == len(other), key
        for a, b in zip(one, other, strict=True):
            _assert_same(key, a, b, tolerance)
    elif isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype, key
        if key == "img":
            _assert_close(one, other, tolerance)
        elif tolerance.boxes and one.is_floating_point():
            assert torch.allclose(one, other, rtol=1e-5, atol=tolerance.boxes), (key, one, other)
        else:
            assert torch.equal(one, other), (key, one, other)
    elif hasattr(one, "data") and hasattr(one, "cpu_only"):
        settings = ("stack", "padding_value", "cpu_only", "pad_dims")
        assert [getattr(one, name) for name in settings] == [getattr(other, name) for name in settings], key
        _assert_same(key, one.data, other.data, tolerance)
    elif isinstance(one, dict):
        assert repr(one) == repr(other), key
    else:
        _assert_same_masks(key, one, other)


def _assert_close(one: torch.Tensor, other: torch.Tensor, tolerance: Tolerance) -> None:
    assert one.shape == other.shape
    far = (one.double() - other.double()).abs() > tolerance.level
    # NaN where both are: an empty range of values, a deviation of zero.
    far |= one.isnan() != other.isnan()
    assert far.double().mean() <= tolerance.share, (far.double().mean(), one.shape)


def _assert_same_masks(key: str, one: Any, other: Any) -> None:
    assert type(one) is type(other), key
    assert (one.height, one.width, len(one)) == (other.height, other.width, len(other)), key
    if isinstance(one.masks, np.ndarray):
        assert one.masks.dtype == other.masks.dtype and np.array_equal(one.masks, other.masks), key
        return
    for a, b in zip(one.masks, other.masks, strict=True):
        assert len(a) == len(b), key
        for p, q in zip(a, b, strict=True):
            assert p.dtype == q.dtype and np.array_equal(p, q), key
