"""Chunks that are one image file: the samples stand side by side in it, from the left, each at the top."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np
import numpy.typing as npt

from penstock.errors import ChunkFormatError
from penstock.format.chunk import DAMAGED_CHUNK, ChunkHeader
from penstock.format.decode import decode_image

__all__ = ["unstack_images"]

# What a table of u32 can state.
_MOST = 2**32 - 1


@dataclass(frozen=True)
class _Run:
    """Samples of one shape, which follow each other."""

    shape: tuple[int, ...]
    count: int
    last: int

    @property
    def width(self) -> int:
        """Of all of them in the image, where Deep Lake gives an empty sample no place."""
        return self.shape[1] * self.count if any(self.shape) else 0


def unstack_images(
    header: ChunkHeader, data: bytes | memoryview, compression: str, dtype: npt.DTypeLike
) -> tuple[ChunkHeader, bytes]:
    """The chunk with its samples' pixels one after the other, and with byte positions, which such a chunk lacks.

    Args:
        header: The chunk's header.
        data: The image file; empty where no sample has pixels.
        compression: Its format, one of ``IMAGE_FILES``.
        dtype: The tensor's.

    Raises:
        ChunkFormatError: The samples' shapes do not go together.
        DecodeError, MissingExtraError: As ``decode_image``.
    """
    runs = _runs(header)
    item_size = np.dtype(dtype).itemsize
    positions: list[tuple[int, int, int]] = []
    total = 0
    for run in runs:
        size = prod(run.shape) * item_size
        positions.append((min(size, _MOST), total, run.last))
        total += size * run.count
    if total > _MOST or sum(run.width for run in runs) > _MOST:
        raise _damaged("its samples' shapes add up to more than an image can hold")
    placed = replace(header, byte_positions=np.array(positions, dtype=np.uint32).reshape(-1, 3))
    if total == 0:
        return placed, b""
    canvas = decode_image(data, compression, _canvas_shape(runs), dtype)
    return placed, b"".join(_cut(runs, canvas))


def _runs(header: ChunkHeader) -> list[_Run]:
    runs = []
    first = 0
    for row in header.shapes.tolist():
        shape, last = tuple(row[:-1]), row[-1]
        if last < first:
            continue
        if len(shape) < 2:
            raise _damaged("a sample has a single axis")
        runs.append(_Run(shape, last + 1 - first, last))
        first = last + 1
    return runs


def _canvas_shape(runs: list[_Run]) -> tuple[int, ...]:
    tails = {run.shape[2:] for run in runs if prod(run.shape)}
    if len(tails) > 1:
        raise _damaged("its samples have different numbers of channels")
    return (max(run.shape[0] for run in runs), sum(run.width for run in runs), *tails.pop())


def _cut(runs: list[_Run], canvas: npt.NDArray[np.generic]) -> list[bytes]:
    samples = []
    x = 0
    for run in runs:
        height, width = run.shape[:2]
        # An empty run may claim any number of samples.
        for number in range(run.count if prod(run.shape) else 0):
            left = x + number * width
            samples.append(canvas[:height, left : left + width].tobytes())
        x += run.width
    return samples


def _damaged(cause: str) -> ChunkFormatError:
    return ChunkFormatError(f"the chunk is one image, but {cause}", hint=DAMAGED_CHUNK)
