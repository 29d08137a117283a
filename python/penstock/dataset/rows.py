"""Which samples of a dataset a view has, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.errors import UnsupportedError

__all__ = ["RowIndex", "Rows", "common_rows", "rows_from_json", "take_rows"]

#: A view's samples by their index in the dataset.
Rows = range | npt.NDArray[np.int64]


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
        return RowIndex(slice(*(_bound(first.get(name)) for name in _SLICE)))
    rows = np.array(first if isinstance(first, (list, tuple)) else [first])
    if rows.ndim != 1 or (len(rows) and rows.dtype.kind not in "iu"):
        raise ValueError(f"{str(first)[:60]} is no index of samples")
    return RowIndex(rows.astype(np.int64))


def take_rows(rows: Rows, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The rows at some positions."""
    if isinstance(rows, range):
        return rows.start + rows.step * positions
    return rows[positions]


def common_rows(rows: Sequence[Rows | None], path: str) -> Rows | None:
    """The rows of samples of several tensors: as many as the shortest has. None where nothing is chosen.

    Raises:
        UnsupportedError: The tensors' samples do not belong together: a slice that counts from the end, of tensors of
            different lengths.
    """
    chosen = [each for each in rows if each is not None]
    if not chosen:
        return None
    length = min(len(each) for each in chosen)
    first, *others = (each[:length] for each in chosen)
    if not all(_equal(first, other) for other in others):
        raise UnsupportedError(
            "the view counts from the end of tensors that have different lengths",
            path=path,
            hint="Give the samples by numbers from 0 on",
        )
    return first


_SLICE = ("start", "stop", "step")


def _is_whole(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    return not entry.get("start") and entry.get("stop") is None and entry.get("step") in (None, 1)


def _equal(one: Rows, other: Rows) -> bool:
    if isinstance(one, range) and isinstance(other, range):
        return one == other
    return one is other or np.array_equal(one, other)


def _bound(value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise ValueError(f"{str(value)[:60]!r} is no bound of a slice")
    return value


def _described(entry: Any) -> str:
    if isinstance(entry, dict):
        parts = ["" if entry.get(name) is None else str(entry.get(name)) for name in _SLICE]
        return ":".join(parts[:2] if not parts[2] else parts)
    return str(entry)[:60]
