"""Which items make up which sequence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["SequenceIndex"]


@dataclass(frozen=True, eq=False)
class SequenceIndex:
    """Runs of sequences with equally many items; memory grows with the number of runs.

    Attributes:
        lengths: int64 [runs]: items of each sequence of a run.
        first_item: int64 [runs]: the first item of a run's first sequence.
        last: int64 [runs]: the last sequence of a run, inclusive; rises strictly.
    """

    lengths: npt.NDArray[np.int64]
    first_item: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]

    @classmethod
    def of(cls, rows: npt.NDArray[np.int64]) -> SequenceIndex:
        """Of int64 [runs, 3]: length, first item, last sequence."""
        return cls(*(np.ascontiguousarray(column) for column in rows.T))

    def __len__(self) -> int:
        return int(self.last[-1]) + 1 if len(self.last) else 0

    def first_items(self) -> npt.NDArray[np.int64]:
        """The first item of every sequence, int64 [sequences]; of those without items, where it would be."""
        counts = np.diff(self.last, prepend=-1)
        within = np.arange(len(self), dtype=np.int64) - np.repeat(self.last - counts + 1, counts)
        items: npt.NDArray[np.int64] = np.repeat(self.first_item, counts) + within * np.repeat(self.lengths, counts)
        return items

    def items(self, sequence: int) -> range:
        """The items of a sequence, which exists."""
        run = int(np.searchsorted(self.last, sequence))
        first = int(self.last[run - 1]) + 1 if run else 0
        length = int(self.lengths[run])
        begin = int(self.first_item[run]) + (sequence - first) * length
        return range(begin, begin + length)

    def sequence_of(self, item: int) -> int | None:
        """The sequence that an item belongs to; None where it belongs to none."""
        runs = np.flatnonzero(self.lengths)
        run = int(np.searchsorted(self.first_item[runs], item, side="right")) - 1
        if run < 0:
            return None
        run = int(runs[run])
        first = int(self.last[run - 1]) + 1 if run else 0
        sequence = first + (item - int(self.first_item[run])) // int(self.lengths[run])
        return sequence if sequence <= int(self.last[run]) else None
