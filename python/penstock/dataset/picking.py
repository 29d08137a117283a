"""Samples of a dataset by number: ``dataset[3]``, ``dataset[2:5]``, ``dataset[[4, 1]]``."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from penstock.dataset.interface import Dataset

__all__ = ["make_subsets_with", "picked"]

_Subset = Callable[[Dataset, Sequence[int]], Dataset]
_make: list[_Subset] = []


def make_subsets_with(subset: _Subset) -> None:
    """Says what makes a dataset of some samples of another."""
    _make[:] = [subset]


def picked(dataset: Dataset, item: Any) -> Any:
    """What a number, a slice or a list of numbers picks.

    Args:
        dataset: The dataset.
        item: A number gives a sample, a dict of its tensors' values as Deep Lake returns them. A slice or a list of
            numbers gives a dataset of these samples. Negative numbers count from the end.

    Raises:
        IndexError: There is no such sample.
        TypeError: It is something else.
    """
    if isinstance(item, slice):
        return _subset(dataset, range(*item.indices(len(dataset))))
    if isinstance(item, Iterable) and not isinstance(item, str):
        return _subset(dataset, [_number(index, dataset) for index in item])
    index = _number(item, dataset)
    return {name: tensor[index] for name, tensor in dataset.tensors.items()}


def _subset(dataset: Dataset, indices: Sequence[int]) -> Dataset:
    assert _make, "penstock/dataset/open.py imports joined/, which says so"
    return _make[0](dataset, indices)


def _number(index: Any, dataset: Dataset) -> int:
    if isinstance(index, bool | np.bool_):
        raise TypeError("samples are picked by number, a slice or a list of numbers, not by truth values")
    number, count = operator.index(index), len(dataset)
    if not -count <= number < count:
        raise IndexError(f"sample {number} is out of range: there are {count} in '{dataset.path}'")
    return number % count
