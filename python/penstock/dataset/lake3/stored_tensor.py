"""What is stored of a tensor beside its samples."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from penstock.dataset.lake3.chunk_index import ChunkIndex, chunk_set_keys, read_chunk_index, read_chunk_rows
from penstock.dataset.lake3.encoders import parse_sequences, parse_tiles
from penstock.dataset.lake3.keys import CHUNK_IDS, SEQUENCES, TENSOR_INFO, TENSOR_META, TILES, in_commit
from penstock.dataset.lake3.records import damaged, read_record
from penstock.dataset.lake3.sequences import SequenceIndex
from penstock.dataset.lake3.support import VALUE_HTYPES, holds_images, why_unsupported
from penstock.dataset.lake3.tensor_meta import TensorMeta, parse_tensor_meta
from penstock.dataset.lake3.versions import Version
from penstock.dataset.names import IMAGE_HTYPES
from penstock.errors import DatasetFormatError, UnsupportedError
from penstock.format.sample import Decode, SampleLayout
from penstock.format.tiles import Tiling
from penstock.format.values import TEXT, ValueFormat
from penstock.storage.store import Store

__all__ = ["StoredTensor", "metadata_keys"]

_Parsed = TypeVar("_Parsed")


def metadata_keys(version: Version, key: str) -> list[str]:
    """All files that a tensor may have beside its chunks, in the order in which reading asks for them."""
    names = (TENSOR_META, TENSOR_INFO, TILES, CHUNK_IDS, SEQUENCES)
    return [in_commit(version.commit_id, key, *name) for name in names] + chunk_set_keys(version, key)


class StoredTensor:
    """A tensor's metadata, read at once, and its indices, read when they are asked for.

    Attributes:
        name: Full name, groups included: "annotations/boxes".
        key: Its directory; differs from the name once a tensor was renamed.

    Raises:
        DatasetFormatError: By whatever reads metadata or an index.
    """

    def __init__(self, store: Store, version: Version, name: str, key: str) -> None:
        self._store = store
        self._version = version
        self.name = name
        self.key = key
        self._supported: set[Decode] = set()
        meta_key = in_commit(version.commit_id, key, *TENSOR_META)
        try:
            self._meta: TensorMeta = parse_tensor_meta(read_record(store, meta_key))
        except FileNotFoundError:
            raise damaged(f"'{meta_key}' is missing", store.root, name) from None

    @property
    def path(self) -> str:
        """The dataset's path."""
        return self._store.root

    @property
    def format_version(self) -> int:
        """Deep Lake's."""
        return 3

    @property
    def htype(self) -> str:
        """Deep Lake's type, "generic" where none is given; "sequence[image]", "link[image]" for those."""
        htype = f"sequence[{self.base_htype}]" if self.is_sequence else self.base_htype
        return f"link[{htype}]" if self.is_link else htype

    @property
    def base_htype(self) -> str:
        """The type of a sequence's items and of linked files, else the same as :attr:`htype`."""
        return self._meta.htype

    @property
    def is_image(self) -> bool:
        """Whether samples are images."""
        return self.base_htype in IMAGE_HTYPES and not self.is_sequence

    @property
    def decodes_images(self) -> bool:
        """Whether samples are images, or are compressed as if they were."""
        return holds_images(self._meta)

    @property
    def value_format(self) -> ValueFormat | None:
        """For text, JSON and polygons, and sequences of them, how their bytes become values; None for arrays."""
        if self.base_htype not in VALUE_HTYPES:
            return None
        axes = (self.min_shape[-1], self.max_shape[-1]) if self.max_shape else (0, 0)
        return ValueFormat(self.base_htype, self.dtype, axes)

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """Dtype of the samples; None for text and the like, and before the first sample."""
        return self._meta.dtype

    @property
    def sample_compression(self) -> str | None:
        return self._meta.sample_compression

    @property
    def chunk_compression(self) -> str | None:
        return self._meta.chunk_compression

    @property
    def min_shape(self) -> tuple[int, ...]:
        """Smallest extent of each axis over all samples; of sequences, over all items."""
        return self._meta.min_shape

    @property
    def max_shape(self) -> tuple[int, ...]:
        """Largest extent of each axis over all samples; of sequences, over all items."""
        return self._meta.max_shape

    @property
    def ndim(self) -> int:
        """Number of axes of a sample."""
        return len(self._meta.max_shape) + self.is_sequence

    @property
    def fixed_shape(self) -> tuple[int, ...] | None:
        """The shape of every sample where all are known to be equal, else None."""
        return None if self.is_sequence or self.is_link else self._meta.fixed_shape

    @property
    def is_sequence(self) -> bool:
        return self._meta.is_sequence

    @property
    def is_link(self) -> bool:
        return self._meta.is_link

    @cached_property
    def info(self) -> dict[str, Any]:
        """What the dataset's author noted of the tensor. Raises DatasetFormatError."""
        try:
            key = in_commit(self._version.commit_id, self.key, *TENSOR_INFO)
            return read_record(self._store, key).values
        except FileNotFoundError:
            return {}

    @property
    def class_names(self) -> list[str] | None:
        """Names of the classes, by label; None where none are given. Raises DatasetFormatError."""
        names = self.info.get("class_names")
        if not names:
            return None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DatasetFormatError(
                "'tensor_info.json': 'class_names' is not a list of text", path=self.path, tensor=self.name
            )
        return list(names)

    @property
    def layout(self) -> SampleLayout:
        """What the metadata says of how every sample is stored; of sequences, every item; of links, the links."""
        if self.is_link:
            # Links are text, stored as it is, whatever the files are.
            link = ValueFormat(TEXT, None, (0, 0))
            return SampleLayout(False, np.dtype(np.uint8), 1, None, None, None, value=link)
        return SampleLayout(
            is_image=self.decodes_images,
            # Values alone have none, and what is read as bytes: check_supported() refuses others without one.
            dtype=np.dtype(np.uint8) if self.dtype is None else self.dtype,
            ndim=len(self._meta.max_shape),
            fixed_shape=self._meta.fixed_shape,
            sample_compression=self.sample_compression,
            chunk_compression=self.chunk_compression,
            value=self.value_format,
        )

    def unsupported(self, decode: Decode = "numpy") -> str | None:
        """Why the tensor cannot be loaded, None when it can. ``decode`` is that of :meth:`read`."""
        reason = why_unsupported(self._meta, decode)
        if reason is None and self.is_link and self._tiles:
            reason = f"sample {min(self._tiles)} is linked in tiles, which is not supported yet"
        return reason

    def check_supported(self, decode: Decode = "numpy") -> None:
        """Raises UnsupportedError when the tensor cannot be loaded. ``decode`` is that of :meth:`read`.

        DatasetFormatError when the index of chunks does not have the samples that the metadata claims: callers
        allocate by that number.
        """
        if decode in self._supported:
            return
        reason = self.unsupported(decode)
        if reason is None:
            _ = self.chunks, self.is_sequence and self.sequences
            self._supported.add(decode)
        else:
            as_bytes = " or have its bytes with decode={...: 'bytes'}" if self.unsupported("bytes") is None else ""
            raise UnsupportedError(
                reason,
                tensor=self.name,
                path=self.path,
                hint=f"Leave it out with tensors=[...]{as_bytes}",
            )

    @cached_property
    def chunks(self) -> ChunkIndex:
        """Which chunk holds which sample; of sequences, which item. Raises DatasetFormatError."""
        try:
            return read_chunk_index(self._store, self._version, self.key, self._meta.length, self._tiles)
        except DatasetFormatError as error:
            error.tensor = self.name
            raise

    @cached_property
    def sequences(self) -> SequenceIndex:
        """Which items make up which sample, where these are sequences. Raises DatasetFormatError."""
        return self._read_encoder(SEQUENCES, lambda data: parse_sequences(data, self._meta.length))

    def chunk_rows(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        """Ids and last samples of the chunks, of unsupported tensors too. Raises DatasetFormatError."""
        return read_chunk_rows(self._store, self._version, self.key, self._meta.length)

    @cached_property
    def _tiles(self) -> dict[int, Tiling]:
        return self._read_encoder(TILES, parse_tiles)

    def _read_encoder(self, name: tuple[str, ...], parse: Callable[[bytes], _Parsed]) -> _Parsed:
        key = in_commit(self._version.commit_id, self.key, *name)
        try:
            data = self._store.read(key)
        except FileNotFoundError:
            # Deep Lake writes an encoder once there is something to encode.
            data = b""
        try:
            return parse(data)
        except DatasetFormatError as error:
            raise damaged(f"'{key}': {error.cause}", self.path, self.name) from None
