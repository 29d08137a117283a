"""Reads the files that a tensor's samples are links to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from penstock.dataset.lake3.chunk_index import ChunkIndex
from penstock.dataset.lake3.chunk_reader import ChunkReader
from penstock.dataset.lake3.links import naming_link, read_link
from penstock.dataset.placing import placing
from penstock.errors import MissingExtraError, PenstockError
from penstock.format.decode import Color
from penstock.format.image_file import decode_image_file, image_file_shape, open_image_file
from penstock.format.sample import Decode

__all__ = ["LinkReader"]


class LinkReader:
    """Items by their numbers, as :class:`ChunkReader` gives them, of a tensor whose chunks hold links.

    Args:
        links: Reads the links.
        chunks: Where they are.
        path, tensor: What errors name.
        ndim: Axes of a sample.
        is_image: Whether samples are images for whoever looks, whose colors may be chosen.
    """

    def __init__(
        self, links: ChunkReader, chunks: ChunkIndex, path: str, tensor: str, ndim: int, is_image: bool
    ) -> None:
        self._links = links
        self._chunks = chunks
        self._path = path
        self._tensor = tensor
        self._ndim = ndim
        self._is_image = is_image

    def sample(self, item: int, color: Color, decode: Decode) -> Any:
        """A decoded file; an empty array for an empty link."""
        with self._file(item) as file:
            if decode == "bytes":
                return file
            if not file:
                return np.ones((0,))
            if decode == "pil":
                return open_image_file(file)
            return decode_image_file(file, self._ndim, color if self._is_image else "native")

    def stored(self, item: int) -> bytes:
        """A file's bytes, none for an empty link."""
        with self._file(item) as file:
            return file

    def shape(self, item: int) -> tuple[int, ...]:
        """Shape of a file's pixels, without decoding them."""
        with self._file(item) as file:
            return image_file_shape(file, self._ndim) if file else (0,)

    def check(
        self, row: int, decode: bool = True, wanted: Sequence[int] | None = None
    ) -> Iterator[tuple[PenstockError, int, tuple[int, int] | None]]:
        """As :meth:`ChunkReader.check`, first of the links, then of the files that they name."""
        unread: set[int] = set()
        for error, last, extent in self._links.check(row, decode, wanted):
            assert error.index is not None
            unread.update(range(error.index, last + 1))
            yield error, last, extent
        if decode:
            items = wanted or range(self._chunks.first_index(row), int(self._chunks.last_index[row]) + 1)
            yield from self._check_files(row, [item for item in items if item not in unread])

    def _check_files(
        self, row: int, items: Sequence[int]
    ) -> Iterator[tuple[PenstockError, int, tuple[int, int] | None]]:
        for item in items:
            try:
                self.sample(item, "native", "numpy")
            except MissingExtraError:
                raise
            except PenstockError as error:
                error.chunk = self._chunks.key(row)
                yield error, item, None

    @contextmanager
    def _file(self, item: int) -> Iterator[bytes]:
        """The file that a link names, nothing for an empty link. Errors from within name sample and file."""
        link = self._links.stored(item)
        with placing(self._path, self._tensor, item):
            file = read_link(link) if link else b""
            with naming_link(link):
                yield file
