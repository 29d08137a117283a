"""Reading the chunks of one tensor from storage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.dataset.lake3.chunk_index import ChunkIndex
from penstock.errors import (
    ChunkFormatError,
    ChunkNotFoundError,
    DecodeError,
    MissingExtraError,
    PenstockError,
    UnsupportedError,
)
from penstock.format.chunk import DAMAGED_CHUNK, ChunkHeader, header_bytes_needed, parse_chunk_header
from penstock.format.decode import Color
from penstock.format.lz4 import decompress_lz4
from penstock.format.pictures import to_picture
from penstock.format.sample import (
    Decode,
    SampleLayout,
    check_structure,
    decode_sample,
    decode_tile,
    sample_extent,
    sample_shape,
)
from penstock.format.stacked import unstack_images
from penstock.format.tiles import assemble_tiles
from penstock.format.values import decode_value
from penstock.storage.prefetched import PrefetchedStore
from penstock.storage.store import Store
from penstock.threads import DaemonPool

__all__ = ["ChunkReader"]

_FIRST_HEADER_READ = 4096
# Up to this size a chunk is read whole at once: cheaper than several reads, and small enough to keep a few.
_SMALL_CHUNK = 1 << 20
_KEPT_CHUNKS = 16
# Headers that are asked of a remote store at a time.
_SIDE_BY_SIDE = 32
# Compressed chunks are kept decompressed, up to some 16 MB each.
_KEPT_COMPRESSED_CHUNKS = 4


@dataclass(frozen=True, eq=False)
class _Chunk:
    """A chunk as far as it has been read: ``data`` is None where its samples are read one by one."""

    header: ChunkHeader
    data: memoryview | None
    data_bytes: int


class ChunkReader:
    """Finds and decodes the samples of a tensor. Keeps the chunks it used last.

    Args:
        store: The dataset's files.
        index: Which chunk holds which sample.
        layout: What the metadata says of the samples.
        tensor: The tensor's name, for error messages.

    Every error of this class names dataset, tensor, sample and chunk: ChunkNotFoundError, ChunkFormatError,
    DecodeError, UnsupportedError, StorageError.
    """

    def __init__(self, store: Store, index: ChunkIndex, layout: SampleLayout, tensor: str) -> None:
        self._store = store
        self._index = index
        self._layout = layout
        self._tensor = tensor
        # The tensor's own shape is not that of a tile.
        self._tile_layout = replace(layout, fixed_shape=None)
        kept = _KEPT_COMPRESSED_CHUNKS if layout.chunk_compression else _KEPT_CHUNKS
        self._open = lru_cache(maxsize=kept)(self._open_uncached)

    def shape(self, index: int) -> tuple[int, ...]:
        """Shape of a sample."""
        row, local = self._index.locate(index)
        if index in self._index.tiles:
            return self._index.tiles[index].sample_shape
        with self._placed(row, index):
            return sample_shape(self._open(row).header, self._layout, local)

    def stored(self, index: int) -> bytes:
        """A sample's bytes as stored; of a compressed chunk, as they are once it is decompressed."""
        row, local = self._index.locate(index)
        with self._placed(row, index):
            self._check_in_one_piece(index)
            return bytes(self._stored(row, self._open(row), local))

    def sample(self, index: int, color: Color, decode: Decode) -> Any:
        """A decoded sample."""
        row, local = self._index.locate(index)
        if index in self._index.tiles and decode != "bytes":
            pixels = self._tiled(index, row, color)
            with self._placed(row, index):
                return pixels if decode == "numpy" else to_picture(pixels)
        with self._placed(row, index):
            self._check_in_one_piece(index)
            chunk = self._open(row)
            shape = sample_shape(chunk.header, self._layout, local)
            return decode_sample(self._stored(row, chunk, local), self._layout, shape, color, decode)

    def value(self, index: int, data: bytes, color: Color, decode: Decode) -> Any:
        """What the bytes of a sample stand for that were read elsewhere: as stored, but text, JSON and polygons that
        are to be decoded come without lz4.
        """
        row, local = self._index.locate(index)
        with self._placed(row, index):
            if decode == "numpy" and self._layout.value is not None:
                return decode_value(data, self._layout.value)
            shape = () if decode == "bytes" else sample_shape(self._open(row).header, self._layout, local)
            return decode_sample(data, self._layout, shape, color, decode)

    def all_samples(self) -> Iterator[Any]:
        """All decoded samples, each chunk read once."""
        for row in range(len(self._index)):
            first, last = self._index.first_index(row), int(self._index.last_index[row])
            if last in self._index.tiles:
                # The first of its rows stands for the sample.
                if first <= last:
                    yield self._tiled(last, row, "native")
                continue
            with self._placed(row, first):
                chunk = self._read_whole(row)
            for index in range(first, last + 1):
                with self._placed(row, index):
                    shape = sample_shape(chunk.header, self._layout, index - first)
                    data = self._stored(row, chunk, index - first)
                    sample = decode_sample(data, self._layout, shape)
                yield sample

    def check(
        self, row: int, decode: bool, wanted: Sequence[int] | None = None
    ) -> Iterator[tuple[PenstockError, int, tuple[int, int] | None]]:
        """What is wrong with a chunk: see :class:`penstock.dataset.interface.Wrong`. Without ``decode``, shapes and
        positions alone are tried. ``wanted``: only these items, rising, all of this chunk.
        """
        first, last = self._index.first_index(row), int(self._index.last_index[row])
        if last in self._index.tiles:
            yield from self._check_tiled(row, last, decode) if first <= last else ()
            return
        size = 0
        try:
            with self._placed(row, first):
                size = self._store.size(self._index.key(row))
                if decode or self._layout.chunk_compression:
                    chunk = self._read_whole(row)
                else:
                    header, size = self._read_header(row)
                    chunk = _Chunk(header, None, size - header.data_offset)
        except MissingExtraError:
            raise
        except PenstockError as error:
            yield error, last, (0, size) if size else None
            return
        held = min(chunk.header.num_samples, last - first + 1)
        if first + held <= last:
            # One finding: an index that lies may expect billions.
            try:
                with self._placed(row, first + held):
                    sample_shape(chunk.header, self._layout, held)
            except PenstockError as error:
                yield error, last, (0, size)
        for index in range(first, first + held) if wanted is None else wanted:
            if index >= first + held:
                break
            try:
                with self._placed(row, index):
                    self._try_sample(row, chunk, index - first, decode)
            except MissingExtraError:
                raise
            except PenstockError as error:
                yield error, index, self._stored_range(chunk, index - first, size)

    def _check_tiled(
        self, first_row: int, index: int, decode: bool
    ) -> Iterator[tuple[PenstockError, int, tuple[int, int] | None]]:
        """The same of a sample in tiles, whose chunks hold nothing else."""
        try:
            if decode:
                try:
                    self._tiled(index, first_row, "native")
                except MemoryError:
                    raise DecodeError("there is not enough memory to read it") from None
            else:
                with self._placed(first_row, index):
                    rows = self._index.tile_rows(index)
                for number, row in enumerate(rows):
                    with self._placed(row, index):
                        self._open_tile(index, number, row)
        except MissingExtraError:
            raise
        except PenstockError as error:
            yield error, index, None

    def _try_sample(self, row: int, chunk: _Chunk, local: int, decode: bool) -> None:
        shape = sample_shape(chunk.header, self._layout, local)
        if not decode:
            check_structure(chunk.header, self._layout, local, chunk.data_bytes)
            return
        try:
            decode_sample(self._stored(row, chunk, local), self._layout, shape)
        except MemoryError:
            raise DecodeError("there is not enough memory to read it") from None

    def _stored_range(self, chunk: _Chunk, local: int, size: int) -> tuple[int, int] | None:
        offset = chunk.header.data_offset
        if self._layout.chunk_compression:
            return offset, size
        try:
            begin, end = sample_extent(chunk.header, self._layout, local, chunk.data_bytes)
        except ChunkFormatError:
            return None
        return offset + begin, offset + end

    def all_shapes(self) -> npt.NDArray[np.int64]:
        """Shapes of all samples, int64 [samples, axes], from the chunks' headers alone."""
        ndim = self._layout.ndim
        parts = [np.zeros((0, ndim), dtype=np.int64)]
        rows = range(len(self._index))
        untiled = [row for row in rows if int(self._index.last_index[row]) not in self._index.tiles]
        with self._headers(untiled) as header_of:
            for row in rows:
                first, last = self._index.first_index(row), int(self._index.last_index[row])
                if last in self._index.tiles:
                    if first <= last:
                        with self._placed(row, last):
                            self._index.tile_rows(last)
                            shape = np.array([self._index.tiles[last].sample_shape], dtype=np.int64)
                            parts.append(self._with_axes(shape))
                    continue
                with self._placed(row, first):
                    header = header_of(row)
                    # The last one first: this is the check that the chunk holds as many as the index says.
                    sample_shape(header, self._layout, last - first)
                    shapes = header.all_shapes(last - first + 1, ndim)
                    parts.append(self._with_axes(shapes))
        return np.concatenate(parts)

    @contextmanager
    def _headers(self, rows: Sequence[int]) -> Iterator[Callable[[int], ChunkHeader]]:
        """Gives the header of each of these chunks, once. Of a remote store they are read side by side: one after the
        other, each would take as long as the way there and back.
        """
        if not self._store.remote:
            yield lambda row: self._read_header(row)[0]
            return
        pool = DaemonPool(min(max(len(rows), 1), _SIDE_BY_SIDE), "penstock-head", "the number of threads")
        try:
            headers = {row: pool.submit(self._read_header, row) for row in rows}
            yield lambda row: headers.pop(row).result()[0]
        finally:
            pool.close(patience=0.0)

    def _check_in_one_piece(self, index: int) -> None:
        if index in self._index.tiles:
            raise UnsupportedError("the sample is stored in tiles: its bytes are not in one piece")

    def _tiled(self, index: int, first_row: int, color: Color) -> npt.NDArray[Any]:
        """A sample put together of its tiles."""
        stored = self._index.tiles[index]
        tiles: list[npt.NDArray[Any]] = []
        with self._placed(first_row, index):
            rows = self._index.tile_rows(index)
        for number, row in enumerate(rows):
            with self._placed(row, index):
                converted = color != "native" and self._layout.is_image
                tiling = stored.recolored(color == "gray") if converted else stored
                chunk, shape, extent = self._open_tile(index, number, row)
                tiles.append(decode_tile(self._bytes(row, chunk, *extent), self._tile_layout, shape, color))
        return assemble_tiles(tiles, tiling)

    def _open_tile(self, index: int, number: int, row: int) -> tuple[_Chunk, tuple[int, ...], tuple[int, int]]:
        """The chunk of a tile, its shape, and where it lies in the chunk's data."""
        chunk = self._open(row)
        shape = sample_shape(chunk.header, self._tile_layout, 0)
        self._index.tiles[index].check_tile(number, shape)
        return chunk, shape, sample_extent(chunk.header, self._tile_layout, 0, chunk.data_bytes, alone=True)

    def _with_axes(self, shapes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Gives gray images of early writers, stored as (h, w) among (h, w, c), their third axis."""
        missing = self._layout.ndim - shapes.shape[1]
        if missing < 0 or (missing > 0 and not self._layout.is_image):
            raise ChunkFormatError(
                f"the chunk's samples have {shapes.shape[1]} axes, the tensor's have {self._layout.ndim}",
                hint=DAMAGED_CHUNK,
            )
        return np.pad(shapes, ((0, 0), (0, missing)), constant_values=1) if missing else shapes

    def _stored(self, row: int, chunk: _Chunk, local: int) -> bytes | memoryview:
        begin, end = sample_extent(chunk.header, self._layout, local, chunk.data_bytes)
        return self._bytes(row, chunk, begin, end)

    def _bytes(self, row: int, chunk: _Chunk, begin: int, end: int) -> bytes | memoryview:
        if chunk.data is not None:
            return chunk.data[begin:end]
        return self._store.read(self._index.key(row), chunk.header.data_offset + begin, end - begin)

    def _open_uncached(self, row: int) -> _Chunk:
        if self._layout.chunk_compression:
            return self._read_whole(row)
        if isinstance(self._store, PrefetchedStore):
            return self._open_remote(row, self._store)
        if self._store.size(self._index.key(row)) <= _SMALL_CHUNK:
            return self._read_whole(row)
        header, size = self._read_header(row)
        return _Chunk(header, None, size - header.data_offset)

    def _open_remote(self, row: int, store: PrefetchedStore) -> _Chunk:
        """The same by one request: what a chunk begins with tells whether there is more of it."""
        start, size = store.read_start(self._index.key(row), _SMALL_CHUNK)
        if size <= len(start):
            return self._chunk_of(memoryview(start))
        if header_bytes_needed(start, size) > len(start):
            header, size = self._read_header(row)
        else:
            header = parse_chunk_header(start, size)
        return _Chunk(header, None, size - header.data_offset)

    def _read_whole(self, row: int) -> _Chunk:
        return self._chunk_of(memoryview(self._store.read(self._index.key(row))))

    def _chunk_of(self, stored: memoryview) -> _Chunk:
        header = parse_chunk_header(stored)
        data = stored[header.data_offset :]
        if self._layout.chunk_compression == "lz4":
            data = memoryview(decompress_lz4(data))
        elif self._layout.chunk_compression:
            header, pixels = unstack_images(header, data, self._layout.chunk_compression, self._layout.dtype)
            data = memoryview(pixels)
        return _Chunk(header, data, len(data))

    def _read_header(self, row: int) -> tuple[ChunkHeader, int]:
        """The header, and the size of the whole chunk."""
        key = self._index.key(row)
        if isinstance(self._store, PrefetchedStore):
            prefix, size = self._store.read_start(key, _FIRST_HEADER_READ)
        else:
            size = self._store.size(key)
            prefix = self._store.read(key, 0, min(size, _FIRST_HEADER_READ))
        while (needed := header_bytes_needed(prefix, size)) > len(prefix):
            more = self._store.read(key, len(prefix), needed - len(prefix))
            if not more:
                # The file shrank since its size was asked for: parsing says so.
                break
            prefix += more
        return parse_chunk_header(prefix, size), size

    @contextmanager
    def _placed(self, row: int, index: int) -> Iterator[None]:
        """Tells errors from within where they happened."""
        place = {
            "path": self._store.root,
            "tensor": self._tensor,
            "index": index,
            "chunk": self._index.key(row),
        }
        try:
            yield
        except PenstockError as error:
            for name, value in place.items():
                if getattr(error, name) is None:
                    setattr(error, name, value)
            raise
        except FileNotFoundError:
            raise ChunkNotFoundError(
                "the chunk is missing",
                path=self._store.root,
                tensor=self._tensor,
                index=index,
                chunk=self._index.key(row),
                hint="Restore it from a copy of the dataset",
            ) from None
