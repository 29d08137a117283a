"""The order of an epoch that reads few chunks at a time: a pure function of seed and epoch, for one rank of several.

Note [A window of chunks]: the chunks are put in random order, and a window of ``window`` of them moves along it. The
chunk at place c is spread evenly over the places from c - window // 2 on, ``window`` of them: each of its samples draws
a time there, and samples go out by their times. Places before the first chunk and after the last are cut off, so that
the chunks near the ends are spread over fewer. At time t then the chunks are open whose places are in
(t + window // 2 - window, t + window // 2]: never more than ``window``. Chunks open and close one by one, as the window
moves, and at a steady pace: nothing is read in bursts. A window of 1 goes through the chunks one after the other; one
of all chunks is no full permutation near the ends, but takes samples from half of the dataset at least.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.loading.streams import chunk_order_generator, grouped_chunk_order_generator

__all__ = ["Chunks", "chunk_order", "grouped_chunk_order"]

_Indices = npt.NDArray[np.int64]

#: Bits of a double's mantissa.
_EXACT_BITS = 53


@dataclass(frozen=True, eq=False)
class Chunks:
    """Which samples lie in which chunk. Chunks without samples do not count.

    Attributes:
        members: int64 [samples]: the samples, chunk by chunk; None where that is their own order.
        ends: int64 [chunks]: where each chunk's samples end in ``members``, exclusive; rises strictly.
    """

    members: _Indices | None
    ends: _Indices

    @classmethod
    def of(cls, numbers: _Indices) -> Chunks:
        """Of the number of each sample's chunk, int64 [samples]; which numbers these are does not matter."""
        steps = np.diff(numbers)
        members = None
        if (steps < 0).any():
            members = np.argsort(numbers, kind="stable")
            steps = np.diff(numbers[members])
        ends = np.flatnonzero(steps) + 1
        return cls(members, np.append(ends, len(numbers)) if len(numbers) else ends)

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def sizes(self) -> _Indices:
        """Samples of each chunk, int64 [chunks], none of them 0."""
        return np.diff(self.ends, prepend=0)

    def numbers(self) -> _Indices:
        """The chunk of each sample, counted from 0 without gaps, int64 [samples]."""
        numbers = np.repeat(np.arange(len(self), dtype=np.int64), self.sizes)
        if self.members is None:
            return numbers
        result = np.empty_like(numbers)
        result[self.members] = numbers
        return result


def chunk_order(
    chunks: Chunks, seed: int, epoch: int, *, window: int, length: int, rank: int = 0, world_size: int = 1
) -> _Indices:
    """One rank's samples in the order that the note above describes.

    The samples in the order of the chunks are cut into a span for each rank, so that a chunk is read by one rank, or
    by two where a span ends within it. Where all spans need more samples than there are, the order of the chunks begins
    again; where they need fewer, its last samples are left out. Each rank moves a window of its own.

    Args:
        chunks: Where the samples lie.
        seed, epoch: Decide the order.
        window: How many chunks may be open at once.
        length: Samples of each rank.
        rank, world_size: Which of the spans.

    Returns:
        int64 [length]. From the first to the last sample of a chunk is its time: at most ``window`` chunks have theirs
        at once; chunks that come a second time to fill up the last rank count as others.
    """
    generator = chunk_order_generator(seed, epoch)
    turn = generator.permutation(len(chunks))
    sizes = chunks.sizes[turn]
    # Of the samples in the order of the chunks: how far each chunk's own lie from there in `members`.
    shifts = chunks.ends[turn] - np.cumsum(sizes)
    span = slice(rank * length, (rank + 1) * length)
    draws = generator.random(world_size * length)[span]
    positions = np.arange(span.start, span.stop, dtype=np.int64)
    if span.stop > (total := int(sizes.sum())):
        positions %= total
    turns = np.repeat(np.arange(len(chunks), dtype=np.int64), sizes)[positions]
    samples: _Indices = positions + shifts[turns]
    if chunks.members is not None:
        samples = chunks.members[samples]
    places = np.cumsum(np.diff(turns, prepend=turns[:1]) != 0)
    order: _Indices = samples[_by_time(places, window, draws)]
    return order


def grouped_chunk_order(
    numbers: _Indices,
    groups: Sequence[_Indices],
    seed: int,
    epoch: int,
    *,
    window: int,
    batch_size: int,
    rank: int = 0,
    world_size: int = 1,
) -> _Indices:
    """One rank's items in such an order, in batches of one group each.

    Of each group, the items in the order of the chunks are filled up from their start to whole batches of all ranks,
    and cut into a span for each. The items of all groups go out by their times; they wait until a batch of their group
    is full.

    Args:
        numbers: The chunk of each item, counted from 0, int64 [items].
        groups: The items of each group, none of them empty.
        seed, epoch: Decide the order.
        window: How many chunks may be open at once, beside those of the items that wait: with g groups at most
            g * (batch_size - 1).
        batch_size: Items in a batch of one rank.
        rank, world_size: Which of the spans.

    Returns:
        int64: positions in ``numbers``, batch after batch; equally many for each rank.
    """
    generator = grouped_chunk_order_generator(seed, epoch)
    count = int(numbers.max()) + 1
    place_of = generator.permutation(count)
    step = batch_size * world_size
    items, places, draws = [], [], []
    for members in groups:
        own = place_of[numbers[members]]
        order = np.argsort(own, kind="stable")
        length = -(-len(members) // step) * batch_size
        laps, position = np.divmod(np.arange(rank * length, (rank + 1) * length), len(members))
        items.append(members[order[position]])
        places.append(own[order[position]] + laps * count)
        draws.append(generator.random(world_size * length)[rank * length : (rank + 1) * length])
    together = np.concatenate(places)
    by_time = _by_time(together - together.min(), window, np.concatenate(draws))
    group_of = np.repeat(np.arange(len(groups)), [len(own) for own in items])[by_time]
    batches = [np.flatnonzero(group_of == group).reshape(-1, batch_size) for group in range(len(groups))]
    all_batches = np.concatenate(batches)
    # A batch goes out when its last item is there.
    all_batches = all_batches[np.argsort(all_batches[:, -1])]
    result: _Indices = np.concatenate(items)[by_time[all_batches.reshape(-1)]]
    return result


def _by_time(places: _Indices, window: int, draws: npt.NDArray[Any]) -> _Indices:
    """Positions of the samples in the order of their times.

    Args:
        places: Of each sample's chunk, from 0 on, int64 [samples].
        window: Places over which a chunk is spread.
        draws: A number in [0, 1) for each sample.
    """
    end = int(places.max(initial=0)) + 1
    window = min(window, 2 * end)  # as good as any larger one
    position_bits = (len(places) - 1).bit_length()
    place_bits = (end - 1).bit_length()
    # Times are whole numbers, with the sample's position below them: what is sorted has no equals, so that the order
    # does not depend on how this machine sorts. 64 bits are enough for 2**31 chunks of a sample each.
    fine = min(64 - position_bits, _EXACT_BITS) - place_bits
    first = np.maximum(places - window // 2, 0)
    last = np.minimum(places + (window - window // 2), end)
    # Each product is below the width that it is drawn from: widths have fewer bits than a double.
    times = (draws * ((last - first) << fine)).astype(np.uint64)
    times += first.astype(np.uint64) << np.uint64(fine)
    times <<= np.uint64(position_bits)
    times |= np.arange(len(places), dtype=np.uint64)
    times.sort()
    times &= np.uint64((1 << position_bits) - 1)
    order: _Indices = times.view(np.int64)
    return order
