"""Which samples of a dataset a view has, and in which order."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.errors import UnsupportedError

__all__ = ["RowIndex", "Rows", "rows_from_json", "sample_number"]

#: A view's samples by their index in the dataset.
Rows = range | npt.NDArray[np.int64]


def sample_number(index: Any, tensor: str) -> int:
    """What a user gives as the number of a sample. Raises TypeError where it is none: slices and lists are not read."""
    try:
        return operator.index(index)
    except TypeError:
        raise TypeError(
            f"a sample of the tensor '{tensor}' has a whole number, not {type(index).__name__}: many are read by "
            "penstock.DataLoader, or one by one"
        ) from None


class RowIndex:
    """An index along the first axis, as Deep Lake has it: a slice, or rows one by one.

    A slice means other rows in a tensor of another length, as in Deep Lake and numpy.
    """

    def __init__(self, value: slice | npt.NDArray[np.int64]) -> None:
        self._value = value

    def rows(self, length: int) -> Rows:
        """The rows in a tensor of ``length`` samples; up to the first that it does not have."""
        if isinstance(self._value, slice):
            return range(length)[self._value]
        rows = np.where(self._value < 0, self._value + length, self._value) if self._has_negatives else self._value
        outside = (rows < 0) | (rows >= length)
        return rows[: int(np.argmax(outside))] if outside.any() else rows

    @property
    def _has_negatives(self) -> bool:
        return isinstance(self._value, np.ndarray) and bool((self._value < 0).any())


def rows_from_json(index: Sequence[Any], path: str) -> RowIndex | None:
    """An index as Deep Lake writes it, an entry for each axis; None where it means the whole dataset.

    Args:
        index: Entries: an int, a list of ints, or {"start": ..., "stop": ..., "step": ...}. A single sample counts as
            a view of one.
        path: The dataset's path, for messages.

    Raises:
        UnsupportedError: It cuts samples too.
        ValueError: It is no such index.
    """
    first, *rest = index or [{}]
    for axis, entry in enumerate(rest, start=1):
        if not _is_whole(entry):
            raise UnsupportedError(
                f"the view does not only choose samples, it also cuts them (axis {axis}: {_described(entry)})",
                path=path,
                hint="Cut samples in transform=...",
            )
    if _is_whole(first):
        return None
    if isinstance(first, dict):
        bounds = [_bound(first.get(name)) for name in _SLICE]
        if bounds[2] == 0:
            raise ValueError("a slice cannot have the step 0")
        return RowIndex(slice(*bounds))
    rows = np.array(first if isinstance(first, (list, tuple)) else [first])
    # Truth values are no mask to Deep Lake, but the rows 0 and 1.
    if rows.ndim != 1 or (len(rows) and rows.dtype.kind not in "biu"):
        raise ValueError(f"{str(first)[:60]} is no index of samples")
    return RowIndex(rows.astype(np.int64))


_SLICE = ("start", "stop", "step")


def _is_whole(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    return not entry.get("start") and entry.get("stop") is None and entry.get("step") in (None, 1)


def _bound(value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise ValueError(f"{str(value)[:60]!r} is no bound of a slice")
    return value


def _described(entry: Any) -> str:
    if isinstance(entry, dict):
        parts = ["" if entry.get(name) is None else str(entry.get(name)) for name in _SLICE]
        return ":".join(parts[:2] if not parts[2] else parts)
    return str(entry)[:60]
