"""Comparing samples with those that deeplake reads, and batches with each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

__all__ = ["assert_same"]


def assert_same(ours: Any, theirs: Any, where: object = None) -> None:
    """Equal in type, dtype, shape and value, down to the elements of object arrays, lists and dicts."""
    assert type(ours) is type(theirs), where
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), where
        assert_same(list(ours.values()), list(theirs.values()), where)
    elif isinstance(theirs, tuple):
        assert_same(list(ours), list(theirs), where)
    elif isinstance(theirs, list) or (isinstance(theirs, np.ndarray) and theirs.dtype == object):
        if isinstance(theirs, np.ndarray):
            assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), where
        assert len(ours) == len(theirs), where
        for our, their in zip(ours, theirs, strict=True):
            assert_same(our, their, where)
    elif isinstance(theirs, np.ndarray):
        assert ours.dtype == theirs.dtype, where
        assert ours.shape == theirs.shape, where
        assert np.array_equal(ours, theirs, equal_nan=ours.dtype.kind in "fc"), where
    elif isinstance(theirs, torch.Tensor):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), where
        assert torch.equal(ours, theirs), where
    else:
        assert ours == theirs, where
