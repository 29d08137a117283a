"""Samples of a dataset by number: ``dataset[3]``, ``dataset[2:5]``, ``dataset[[4, 1]]``."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar, overload

import numpy as np

from penstock.dataset.html import dataset_html
from penstock.dataset.interface import Dataset, Tensor
from penstock.dataset.names import no_such_tensor

__all__ = ["ByNameAndNumber", "make_subsets_with", "picked"]

_Tensor = TypeVar("_Tensor", bound=Tensor)
_Subset = Callable[[Dataset, Sequence[int]], Dataset]
_make: list[_Subset] = []


class ByNameAndNumber(Generic[_Tensor]):
    """Base of datasets: ``dataset["name"]`` is a tensor, and numbers pick samples."""

    def _named(self, name: str) -> _Tensor:
        """The tensor of a name. Raises KeyError."""
        raise NotImplementedError

    @overload
    def __getitem__(self, item: str) -> _Tensor: ...

    @overload
    def __getitem__(self, item: int | slice | Sequence[int]) -> Any: ...

    def __getitem__(self, item: Any) -> Any:
        """A tensor (a column) by its full name. A number gives a sample, a dict of its tensors' values; a slice or a
        list of numbers a dataset of these samples.

        Raises:
            TensorNotFoundError: There is no such tensor.
            IndexError: There is no such sample.
        """
        dataset: Any = self
        if not isinstance(item, str):
            return picked(dataset, item)
        try:
            return self._named(item)
        except KeyError:
            raise no_such_tensor(item, dataset.path, list(dataset.tensors)) from None

    def _repr_html_(self) -> str:
        """What notebooks show."""
        dataset: Any = self
        return dataset_html(dataset)


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
