"""One iteration's plan: which samples, in which batches, in which order."""

from __future__ import annotations

import itertools
import operator
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, SupportsIndex

import numpy as np
import numpy.typing as npt

__all__ = ["EpochPlan", "Plan", "Replace", "Segment", "StreamedPlan", "checked_index"]

_Indices = npt.NDArray[np.int64]


def checked_index(index: SupportsIndex, samples: int) -> int:
    """An index as a number from 0 on; negative ones count from the end.

    Raises:
        IndexError: There is no such sample.
    """
    number = operator.index(index)
    if not -samples <= number < samples:
        raise IndexError(f"sample {number} is out of range: there are {samples}")
    return number % samples


class Segment(NamedTuple):
    """Batches that follow each other.

    Attributes:
        order: int64 [samples]: indices of all batches, one after the other.
        ends: int64 [batches]: where each batch ends in ``order``, exclusive.
    """

    order: _Indices
    ends: _Indices

    @classmethod
    def of(cls, batches: Iterable[list[int]]) -> Segment:
        """Of batches of checked indices."""
        listed = list(batches)
        order = np.fromiter(itertools.chain.from_iterable(listed), dtype=np.int64)
        return cls(order, np.cumsum([len(batch) for batch in listed], dtype=np.int64))

    def batches(self) -> Iterator[_Indices]:
        """The indices of each batch."""
        for begin, end in zip(np.append(0, self.ends), self.ends, strict=False):
            yield self.order[begin:end]


#: Takes indices and gives as many.
Replace = Callable[[list[int]], list[int]]


class Plan(Protocol):
    """What both loaders run. Who hands out its batches counts them here."""

    @property
    def epoch(self) -> int:
        """The random numbers of the samples depend on it."""
        ...

    def segments(self) -> Iterator[Segment]:
        """The batches to load, segment by segment: a segment is drawn when it is asked for."""
        ...

    def keyed_batches(self) -> Iterator[list[tuple[int, int]]]:
        """The batches as (epoch, index) pairs: a worker process that lives on learns of a new epoch by them."""
        ...

    def next_batch(self) -> list[int]:
        """Indices of the batch that is to be handed out next, which has been drawn."""
        ...

    def hand_out(self) -> list[int]:
        """Counts the next batch as handed out, and gives its indices."""
        ...

    @property
    def last(self) -> int | None:
        """The last index that was handed out; None before the first."""
        ...

    def restart(self, replace: Replace | None = None) -> None:
        """From now on, :meth:`segments` and :meth:`keyed_batches` begin with what was not handed out.

        Args:
            replace: Takes what is still to come, batch by batch or more at once, and puts other samples in the places
                of some.
        """
        ...


@dataclass(eq=False)
class EpochPlan:
    """The batches of one epoch of one rank, known as a whole. Takes 8 bytes for each sample.

    Attributes:
        epoch: See :class:`Plan`.
        order, ends: The batches to load, as in :class:`Segment`.
    """

    epoch: int
    order: _Indices
    ends: _Indices
    _done: int = 0

    @classmethod
    def of_order(cls, epoch: int, order: _Indices, batch_size: int, drop_last: bool) -> EpochPlan:
        """The plan that cuts an order into batches of a size; the last one may be smaller, or is dropped."""
        ends = np.arange(batch_size, len(order) + 1, batch_size, dtype=np.int64)
        if not drop_last and len(order) % batch_size:
            ends = np.append(ends, len(order))
        return cls(epoch, order[: int(ends[-1]) if len(ends) else 0], ends)

    @classmethod
    def of_batches(cls, epoch: int, batches: Iterable[Iterable[SupportsIndex]], samples: int) -> EpochPlan:
        """The plan of given batches of a dataset of so many samples.

        Raises:
            IndexError: There is no such sample.
            ValueError: A batch is empty.
        """
        return cls(epoch, *Segment.of(_checked(batch, samples) for batch in batches))

    def __len__(self) -> int:
        """Number of batches, those that were handed out included."""
        return len(self.ends)

    @property
    def ended(self) -> bool:
        """Whether all batches were handed out."""
        return self._done == len(self.ends)

    def remaining(self) -> Segment:
        """The batches that were not handed out."""
        begin = self._begin(self._done)
        return Segment(self.order[begin:], self.ends[self._done :] - begin)

    def segments(self) -> Iterator[Segment]:
        """As :meth:`Plan.segments`: one."""
        if self._done < len(self.ends):
            yield self.remaining()

    def batches(self) -> Iterator[list[int]]:
        """The batches that were not handed out."""
        for batch in self.remaining().batches():
            yield batch.tolist()

    def keyed_batches(self) -> Iterator[list[tuple[int, int]]]:
        """As :meth:`Plan.keyed_batches`."""
        for batch in self.batches():
            yield [(self.epoch, index) for index in batch]

    def next_batch(self) -> list[int]:
        """As :meth:`Plan.next_batch`."""
        batch: list[int] = self.order[self._begin(self._done) : int(self.ends[self._done])].tolist()
        return batch

    def hand_out(self) -> list[int]:
        """As :meth:`Plan.hand_out`."""
        batch = self.next_batch()
        self._done += 1
        return batch

    @property
    def last(self) -> int | None:
        """As :attr:`Plan.last`."""
        return int(self.order[self._begin(self._done) - 1]) if self._done else None

    def restart(self, replace: Replace | None = None) -> None:
        """As :meth:`Plan.restart`."""
        if replace is None:
            return
        begin = self._begin(self._done)
        rest = np.array(replace(self.order[begin:].tolist()), dtype=np.int64)
        self.order = np.concatenate([self.order[:begin], rest])

    def _begin(self, number: int) -> int:
        return 0 if number == 0 else int(self.ends[number - 1])


class StreamedPlan:
    """Batches that a sampler decides while they are loaded: it may be endless.

    Args:
        epoch: See :class:`Plan`.
        batches: The sampler's batches.
        samples: Of the dataset.
        ahead: Batches in a segment; as many again may be drawn before they are needed.
    """

    def __init__(
        self, epoch: int, batches: Iterator[Iterable[SupportsIndex]], samples: int, ahead: int
    ) -> None:
        self.epoch = epoch
        self.last: int | None = None
        self._batches = batches
        self._samples = samples
        self._ahead = ahead
        self._replace: Replace | None = None
        self._under_way: deque[list[int]] = deque()
        self._anew: deque[list[int]] = deque()

    def segments(self) -> Iterator[Segment]:
        """As :meth:`Plan.segments`."""
        batches = self._drawn()
        while drawn := list(itertools.islice(batches, self._ahead)):
            yield Segment.of(drawn)

    def keyed_batches(self) -> Iterator[list[tuple[int, int]]]:
        """As :meth:`Plan.keyed_batches`."""
        for batch in self._drawn():
            yield [(self.epoch, index) for index in batch]

    def next_batch(self) -> list[int]:
        """As :meth:`Plan.next_batch`."""
        return self._under_way[0]

    def hand_out(self) -> list[int]:
        """As :meth:`Plan.hand_out`."""
        batch = self._under_way.popleft()
        self.last = batch[-1]
        return batch

    def restart(self, replace: Replace | None = None) -> None:
        """As :meth:`Plan.restart`."""
        self._replace = replace or self._replace
        self._anew = self._under_way + self._anew
        self._under_way = deque()

    def _drawn(self) -> Iterator[list[int]]:
        while True:
            if self._anew:
                batch = self._anew.popleft()
            else:
                drawn = next(self._batches, None)
                if drawn is None:
                    return
                batch = _checked(drawn, self._samples)
            batch = batch if self._replace is None else self._replace(batch)
            self._under_way.append(batch)
            yield batch


def _checked(batch: Iterable[SupportsIndex], samples: int) -> list[int]:
    indices = [checked_index(index, samples) for index in batch]
    if not indices:
        raise ValueError("batch_sampler gave a batch without samples")
    return indices
