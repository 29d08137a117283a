"""The small binary files of a tensor: chunk ids, tiles, sequences. All little-endian.

The padding encoder is not among them. Samples that nobody gave a value are stored as empty samples; reading asks no
encoder about them, in Deep Lake neither, whose own runs are out of order once a padded sample has been assigned to.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from penstock.dataset.lake3.sequences import SequenceIndex
from penstock.errors import DatasetFormatError
from penstock.format.tiles import Tiling

__all__ = ["parse_chunk_ids", "parse_sequences", "parse_tiles"]

# Before this version every chunk id was 32 bits wide and the file did not say so.
_FIRST_VERSION_WITH_WIDTH = (2, 7, 6)
# numpy's own limit.
_MOST_AXES = 32


def parse_chunk_ids(data: bytes) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """The chunk id encoder: u8 length and text of the version; u8 width in bytes; rows of chunk id, last
    sample.

    Returns:
        ids uint64 [rows], and last int64 [rows]: the last sample of each row, inclusive.

    Raises:
        DatasetFormatError: The file has the wrong length or its rows make no sense.
    """
    version, offset = _version(data)
    if _numbers(version) < _FIRST_VERSION_WITH_WIDTH:
        width = 4
    else:
        if len(data) <= offset:
            raise DatasetFormatError("the file ends before the width of its chunk ids")
        width = data[offset]
        offset += 1
        if width not in (4, 8):
            raise DatasetFormatError(f"the file claims chunk ids of {width} bytes")
    if (len(data) - offset) % (2 * width):
        raise DatasetFormatError(f"{len(data) - offset} bytes are no whole number of rows of {2 * width}")
    rows = np.frombuffer(data, dtype=f"<u{width}", offset=offset).reshape(-1, 2)
    if len(rows) == 1 and rows[0, 1] == np.iinfo(rows.dtype).max:
        # A chunk without a sample yet: its last index is -1.
        rows = rows[:0]
    if len(rows) and int(rows[:, 1].max()) >= np.iinfo(np.int64).max:
        raise DatasetFormatError("a sample index is out of range")
    last = rows[:, 1].astype(np.int64)
    if np.any(last[1:] < last[:-1]):
        raise DatasetFormatError("the sample indices go backwards")
    return rows[:, 0].astype(np.uint64), last


def parse_tiles(data: bytes) -> dict[int, Tiling]:
    """Which samples are cut into tiles, and how: version; u64 entries; u64 axes; per entry u64 index, shape of the
    sample, shape of a tile.

    Early writers had no version and big-endian numbers. Raises DatasetFormatError.
    """
    if not data:
        return {}
    for offset, order in ((1 + data[0], "<"), (0, ">")):
        entries = _tile_entries(data[offset:], order)
        if entries is not None:
            return {int(entry[0]): _tiling(entry[1:]) for entry in entries}
    raise DatasetFormatError("the file has a wrong length")


def parse_sequences(data: bytes, items: int) -> SequenceIndex:
    """Which items make up which sequence: version; rows of three u32: items of each sequence, first item of the first
    one, last sequence.

    Args:
        data: The encoder's bytes.
        items: How many items the tensor has.

    Raises:
        DatasetFormatError: The file has a wrong length, its sequences go backwards, it names items that do not
            exist, or names one twice.
    """
    if not data:
        return SequenceIndex.of(np.zeros((0, 3), np.int64))
    _, offset = _version(data)
    if (len(data) - offset) % 12:
        raise DatasetFormatError(f"{len(data) - offset} bytes are no whole number of rows of 12")
    rows = np.frombuffer(data, dtype="<u4", offset=offset).reshape(-1, 3).astype(np.int64)
    runs = np.diff(rows[:, 2], prepend=-1)
    if np.any(runs <= 0):
        raise DatasetFormatError("the sequences go backwards")
    filled = rows[:, 0] > 0
    first, lengths = rows[filled, 1], rows[filled, 0]
    # As floats, since the products may be larger than any number of items; below that, floats are exact.
    ends = first + lengths.astype(np.float64) * runs[filled]
    if np.any(ends > items):
        raise DatasetFormatError(f"a sequence reaches past the tensor's {items} items")
    if np.any(first[1:] < ends[:-1]):
        raise DatasetFormatError("two sequences share an item")
    return SequenceIndex.of(rows)


def _tile_entries(words: bytes, order: str) -> npt.NDArray[np.uint64] | None:
    """The table [entries, 1 + 2 * axes], None where the bytes are no such table."""
    if len(words) < 8 or len(words) % 8:
        return None
    values = np.frombuffer(words, dtype=f"{order}u8").astype(np.uint64)
    entries, axes = int(values[0]), int(values[1]) if len(values) > 1 else 0
    if entries == 0:
        return values[1:].reshape(0, 1) if len(values) == 1 else None
    if not 1 <= axes <= _MOST_AXES or len(values) != 2 + entries * (1 + 2 * axes):
        return None
    return values[2:].reshape(entries, 1 + 2 * axes)


def _tiling(extents: npt.NDArray[np.uint64]) -> Tiling:
    shape = [int(extent) for extent in extents]
    axes = len(shape) // 2
    if not all(1 <= extent < 2**32 for extent in shape):
        raise DatasetFormatError(f"a sample of the shape {shape[:axes]} cannot be in tiles of {shape[axes:]}")
    return Tiling(tuple(shape[:axes]), tuple(shape[axes:]))


def _version(data: bytes) -> tuple[str, int]:
    """The writer's version and where the rest starts."""
    if not data or len(data) < 1 + data[0]:
        raise DatasetFormatError("the file ends inside the writer's version")
    try:
        return data[1 : 1 + data[0]].decode("ascii"), 1 + data[0]
    except UnicodeDecodeError:
        raise DatasetFormatError("the writer's version is not ASCII text") from None


def _numbers(version: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d+(\.\d+)*[0-9A-Za-z.+-]*", version):
        raise DatasetFormatError(f"{version!r} is not a version")
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
