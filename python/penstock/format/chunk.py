"""The head of a Deep Lake 3 chunk.

Layout, little-endian throughout: u8 length and ASCII text of the writer's version; i32 rows and i32 columns
of the shape table and its u32 values; u32 rows of the byte position table and its u32 values (three columns).
The samples' bytes follow. Both tables are run-length encoded: the last column of a row is the last local
index it is valid for.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penstock.errors import ChunkFormatError

__all__ = ["DAMAGED_CHUNK", "ChunkHeader", "header_bytes_needed", "parse_chunk_header"]

DAMAGED_CHUNK = "The chunk is damaged: restore it from a copy of the dataset"

_ITEM = np.dtype("<u4")
_POSITION_COLUMNS = 3
# numpy's own limit on the number of axes; the last column holds the index.
_MOST_SHAPE_COLUMNS = 33


@dataclass(frozen=True, eq=False)
class ChunkHeader:
    """A parsed and checked chunk header.

    Attributes:
        version: Version of the library that wrote the chunk.
        shapes: uint32 [rows, ndim + 1]: the samples' extents, then the last local index of the row.
        byte_positions: uint32 [rows, 3]: bytes of each sample, first byte of the first one, last local index.
        data_offset: Where the samples' bytes start in the chunk, in bytes.
    """

    version: str
    shapes: npt.NDArray[np.uint32]
    byte_positions: npt.NDArray[np.uint32]
    data_offset: int

    @property
    def num_samples(self) -> int:
        """Number of samples that the header describes.

        Trailing empty samples may have a byte position and no shape, hence the larger of the two tables.
        """
        return max(_covered(self.shapes), _covered(self.byte_positions))

    @property
    def ndim(self) -> int | None:
        """Number of axes of a sample, None when the chunk holds no shape."""
        return None if len(self.shapes) == 0 else max(self.shapes.shape[1] - 1, 1)

    def shape(self, local_index: int) -> tuple[int, ...] | None:
        """Shape of a sample, None when the table does not reach it."""
        row = _row_of(self.shapes, local_index)
        if row is None:
            return None
        # The first writers (2.0.2 to 2.0.5) stored scalars without an axis; later ones give them one.
        return tuple(int(extent) for extent in self.shapes[row, :-1]) or (1,)

    def extent(self, local_index: int) -> tuple[int, int] | None:
        """[begin, end) of a sample in bytes from ``data_offset``, None when the table does not reach it."""
        row = _row_of(self.byte_positions, local_index)
        if row is None:
            return None
        num_bytes, start = int(self.byte_positions[row, 0]), int(self.byte_positions[row, 1])
        first = 0 if row == 0 else int(self.byte_positions[row - 1, 2]) + 1
        begin = start + (local_index - first) * num_bytes
        return begin, begin + num_bytes

    def all_shapes(self, count: int, ndim: int) -> npt.NDArray[np.int64]:
        """Shapes of the first ``count`` samples, int64 [count, ndim]; samples past the table are empty
        (zeros).

        ``count`` must not be larger than ``num_samples``; ``ndim`` is the tensor's, used when the table is
        empty.
        """
        columns = self.ndim or ndim
        shapes = np.zeros((count, columns), dtype=np.int64)
        if len(self.shapes) == 0 or count == 0:
            return shapes
        # Rows may claim up to 2**32 samples: clipped first, so that nothing larger than `count` is ever
        # built.
        last = np.minimum(self.shapes[:, -1].astype(np.int64), count - 1)
        runs = np.diff(last, prepend=-1)
        extents = self.shapes[:, :-1] if self.shapes.shape[1] > 1 else np.ones((len(last), 1))
        shapes[: int(last[-1]) + 1] = np.repeat(extents, runs, axis=0)
        return shapes


def header_bytes_needed(prefix: bytes | memoryview, chunk_bytes: int) -> int:
    """How many bytes from the chunk's start must be at hand to go on reading its header.

    Args:
        prefix: The first bytes of the chunk.
        chunk_bytes: Size of the whole chunk.

    Returns:
        A number up to ``chunk_bytes``. The header is complete when it is not larger than ``len(prefix)``.

    Raises:
        ChunkFormatError: The header claims more bytes than the chunk has.
    """
    return _walk(prefix, chunk_bytes)[0]


def parse_chunk_header(data: bytes | memoryview, chunk_bytes: int | None = None) -> ChunkHeader:
    """Parses and checks a chunk's header.

    Args:
        data: The chunk, or its first bytes, reaching at least to the end of the header.
        chunk_bytes: Size of the whole chunk where ``data`` is only its start.

    Raises:
        ChunkFormatError: The header is truncated, claims more than the chunk has, or contradicts itself.
    """
    needed, layout = _walk(data, len(data) if chunk_bytes is None else chunk_bytes)
    if needed > len(data) or layout is None:
        raise _damaged(f"the header needs {needed} bytes, {len(data)} are at hand")
    try:
        version = bytes(data[1 : 1 + data[0]]).decode("ascii")
    except UnicodeDecodeError:
        raise _damaged("the writer's version is not ASCII text") from None
    rows, columns, positions = layout.shape_rows, layout.shape_columns, layout.position_rows
    if rows > 0 and not 1 <= columns <= _MOST_SHAPE_COLUMNS:
        raise _damaged(f"the shape table has {rows} rows of {columns} columns")
    if rows == 0:
        columns = 1
    return ChunkHeader(
        version=version,
        shapes=_table(data, layout.shape_values, rows, columns, "shape"),
        byte_positions=_table(data, layout.position_values, positions, _POSITION_COLUMNS, "byte position"),
        data_offset=needed,
    )


@dataclass(frozen=True)
class _Layout:
    shape_values: int
    shape_rows: int
    shape_columns: int
    position_values: int
    position_rows: int


def _walk(prefix: bytes | memoryview, chunk_bytes: int) -> tuple[int, _Layout | None]:
    """Bytes needed to go on, and the layout once the prefix holds both sizes."""

    def missing(end: int, part: str) -> bool:
        if end > chunk_bytes:
            raise _damaged(
                f"the chunk ends inside its header: {part} would end at byte {end}, "
                f"the chunk has {chunk_bytes}"
            )
        return end > len(prefix)

    if missing(1, "the version's length"):
        return 1, None
    sizes = 1 + prefix[0]
    shape_values = sizes + 8
    if missing(shape_values, "the shape table's size"):
        return shape_values, None
    rows, columns = struct.unpack_from("<ii", prefix, sizes)
    if rows < 0 or columns < 0:
        raise _damaged(f"the shape table claims {rows} rows of {columns} columns")
    shape_end = shape_values + rows * columns * _ITEM.itemsize
    position_values = shape_end + 4
    if missing(position_values, "the shape table"):
        return position_values, None
    (position_rows,) = struct.unpack_from("<I", prefix, shape_end)
    end = position_values + position_rows * _POSITION_COLUMNS * _ITEM.itemsize
    missing(end, "the byte position table")
    return end, _Layout(shape_values, rows, columns, position_values, position_rows)


def _table(
    data: bytes | memoryview, offset: int, rows: int, columns: int, name: str
) -> npt.NDArray[np.uint32]:
    values = np.frombuffer(data, dtype=_ITEM, count=rows * columns, offset=offset)
    table = values.reshape(rows, columns).astype(np.uint32)
    if rows > 1 and bool(np.any(table[1:, -1] < table[:-1, -1])):
        raise _damaged(f"the {name} table goes backwards")
    return table


def _covered(table: npt.NDArray[np.uint32]) -> int:
    return int(table[-1, -1]) + 1 if len(table) else 0


def _row_of(table: npt.NDArray[np.uint32], local_index: int) -> int | None:
    if local_index < 0 or local_index >= _covered(table):
        return None
    return int(np.searchsorted(table[:, -1], local_index))


def _damaged(cause: str) -> ChunkFormatError:
    return ChunkFormatError(cause, hint=DAMAGED_CHUNK)
