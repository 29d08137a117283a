"""The small binary files of a tensor: chunk ids, tiles, padding, sequences. All little-endian."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from penstock.errors import DatasetFormatError

__all__ = ["has_padding", "parse_chunk_ids", "parse_sequence_length", "parse_tiled_samples"]

# Before this version every chunk id was 32 bits wide and the file did not say so.
_FIRST_VERSION_WITH_WIDTH = (2, 7, 6)


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


def parse_tiled_samples(data: bytes) -> list[int]:
    """Indices of the samples that are cut into tiles: version; u64 entries; u64 axes; per entry u64 index,
    shapes.

    Early writers had no version and big-endian numbers. Raises DatasetFormatError.
    """
    if not data:
        return []
    for offset, order in ((1 + data[0], "little"), (0, "big")):
        samples = _tiled_samples(data, offset, order)
        if samples is not None:
            return samples
    raise DatasetFormatError("the file has a wrong length")


def has_padding(data: bytes) -> bool:
    """Whether the padding encoder (version; u32 starts and ends) names any padded sample."""
    return bool(data) and len(data) > _version(data)[1]


def parse_sequence_length(data: bytes) -> int:
    """Number of sequences: version; rows of three u32, the last one the last sequence's index."""
    if not data:
        return 0
    _, offset = _version(data)
    if (len(data) - offset) % 12:
        raise DatasetFormatError(f"{len(data) - offset} bytes are no whole number of rows of 12")
    rows = np.frombuffer(data, dtype="<u4", offset=offset).reshape(-1, 3)
    return int(rows[-1, 2]) + 1 if len(rows) else 0


def _tiled_samples(data: bytes, offset: int, order: str) -> list[int] | None:
    endian = "<" if order == "little" else ">"
    words = data[offset:]
    if len(words) < 8 or len(words) % 8:
        return None
    values = np.frombuffer(words, dtype=f"{endian}u8")
    entries = int(values[0])
    if entries == 0:
        return [] if len(values) == 1 else None
    if len(values) < 2:
        return None
    per_entry = 1 + 2 * int(values[1])
    if len(values) != 2 + entries * per_entry:
        return None
    return sorted(int(index) for index in values[2::per_entry])


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
