"""One tensor of a dataset."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from penstock.dataset.chunk_index import ChunkIndex, read_chunk_index, read_chunk_rows
from penstock.dataset.chunk_reader import ChunkReader
from penstock.dataset.encoders import has_padding, parse_sequence_length, parse_tiled_samples
from penstock.dataset.keys import in_commit
from penstock.dataset.records import read_record
from penstock.dataset.rows import RowIndex, Rows
from penstock.dataset.storage import Store
from penstock.dataset.support import IMAGE_HTYPES, VALUE_HTYPES, holds_images, why_unsupported
from penstock.dataset.tensor_meta import TensorMeta, parse_tensor_meta
from penstock.dataset.versions import Version
from penstock.errors import DatasetFormatError, PenstockError, UnsupportedError
from penstock.reference.decode import Color
from penstock.reference.sample import Decode, SampleLayout
from penstock.reference.values import ValueFormat

if TYPE_CHECKING:
    from penstock.dataset.dataset import Dataset

__all__ = ["DECODINGS", "Tensor"]

_Parsed = TypeVar("_Parsed")

#: The values of ``decode``.
DECODINGS: tuple[Decode, ...] = get_args(Decode)
# Inside the class below, `bytes` is a method.
_bytes = bytes


class Tensor:
    """A tensor: a list of samples, read one by one. Obtained from a :class:`Dataset`.

    Attributes:
        name: Full name, groups included: "annotations/boxes".
        key: Its directory; differs from the name once a tensor was renamed.
        hidden: Whether Deep Lake hides it.

    Of a view's tensor, samples are counted as the view has them; :attr:`rows` tells which of the dataset's they are.
    Errors about stored data name the dataset's sample, and chunks and metadata are the dataset's.

    The reading methods raise ChunkNotFoundError, ChunkFormatError, DecodeError or StorageError, which name
    dataset, tensor, sample and chunk, and UnsupportedError for tensors that cannot be loaded.
    """

    def __init__(
        self,
        dataset: Dataset,
        store: Store,
        version: Version,
        name: str,
        key: str,
        hidden: bool,
        index: RowIndex | None = None,
    ) -> None:
        self._dataset = dataset
        self._store = store
        self._version = version
        self.name = name
        self.key = key
        self.hidden = hidden
        self._index = index
        self._supported: set[Decode] = set()
        meta_key = in_commit(version.commit_id, key, "tensor_meta.json")
        try:
            self._meta: TensorMeta = parse_tensor_meta(read_record(store, meta_key))
        except FileNotFoundError:
            raise DatasetFormatError(f"'{meta_key}' is missing", path=store.root, tensor=name) from None

    @property
    def path(self) -> str:
        """The dataset's path."""
        return self._store.root

    @property
    def htype(self) -> str:
        """Deep Lake's type, "generic" where none is given."""
        return self._meta.htype

    @property
    def is_image(self) -> bool:
        """Whether samples are images."""
        return self.htype in IMAGE_HTYPES

    @property
    def decodes_images(self) -> bool:
        """Whether samples are images, or are compressed as if they were."""
        return holds_images(self._meta)

    @property
    def value_format(self) -> ValueFormat | None:
        """For text, JSON and polygons, how their bytes become values; None for arrays."""
        if self.htype not in VALUE_HTYPES:
            return None
        axes = (self.min_shape[-1], self.max_shape[-1]) if self.max_shape else (0, 0)
        return ValueFormat(self.htype, self.dtype, axes)

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
        """Smallest extent of each axis over all samples."""
        return self._meta.min_shape

    @property
    def max_shape(self) -> tuple[int, ...]:
        """Largest extent of each axis over all samples."""
        return self._meta.max_shape

    @property
    def ndim(self) -> int:
        """Number of axes of a sample."""
        return len(self._meta.max_shape)

    @property
    def fixed_shape(self) -> tuple[int, ...] | None:
        """The shape of every sample where all are equal, else None."""
        return self._meta.fixed_shape

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
            key = in_commit(self._version.commit_id, self.key, "tensor_info.json")
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

    @cached_property
    def rows(self) -> Rows | None:
        """For a view's tensor, the number in the dataset of each of its samples; None for a whole tensor."""
        return None if self._index is None else self._index.rows(self._stored_length)

    def __len__(self) -> int:
        return self._stored_length if self.rows is None else len(self.rows)

    @property
    def _stored_length(self) -> int:
        """Samples of the whole tensor."""
        return self._sequences if self.is_sequence else self._meta.length

    def __getitem__(self, index: int) -> Any:
        """A sample as Deep Lake returns it: an array of its own, which may be written to.

        Text, JSON and lists are arrays of text and objects, polygons a list of arrays: see
        :func:`penstock.reference.decode_value`.
        """
        return self.read(index)

    def __repr__(self) -> str:
        compression = self.sample_compression or self.chunk_compression
        return (
            f"Tensor('{self.name}', htype={self.htype!r}, dtype={self.dtype}, "
            f"compression={compression!r}, length={len(self)})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return (_tensor_of, (self._dataset, self.name))

    def read(self, index: int, color: Color = "native", decode: Decode = "numpy") -> Any:
        """A decoded sample.

        Args:
            index: Which one; negative ones count from the end.
            color: For images: "native", or "rgb" and "bgr" for uint8 (h, w, 3).
            decode: "numpy" gives what :meth:`__getitem__` does; "bytes" what :meth:`bytes` does, of every htype;
                "pil", of images and of what is compressed as images, a ``PIL.Image.Image`` of the file as it is
                (palettes and EXIF included), and an empty array where there are no pixels.

        Raises:
            IndexError: There is no such sample.
            ValueError: There is no such ``decode``.
        """
        if decode not in DECODINGS:
            raise ValueError(f"decode must be one of {', '.join(map(repr, DECODINGS))}, got {decode!r}")
        self.check_supported(decode)
        return self._reader.sample(self._checked(index), color, decode)

    def bytes(self, index: int) -> bytes:
        """A sample's bytes as stored: a JPEG file, for example. Of a compressed chunk: the sample's own
        bytes.
        """
        self.check_supported("bytes")
        return self._reader.stored(self._checked(index))

    def value(self, index: int, data: _bytes, color: Color = "native", decode: Decode = "numpy") -> Any:
        """What a sample's bytes stand for, where the native core has read them: as they are stored; but text, JSON and
        polygons, to be decoded, come without lz4. Raises DecodeError.
        """
        return self._reader.value(self._checked(index), data, color, decode)

    def shape(self, index: int) -> tuple[int, ...]:
        """Shape of a sample, without decoding it."""
        self.check_supported()
        checked = self._checked(index)
        return self.fixed_shape or self._reader.shape(checked)

    def shapes(self) -> npt.NDArray[np.int64]:
        """Shapes of all samples, int64 [samples, axes], from the chunks' headers: nothing is decoded.

        Errors name the first sample of the chunk concerned.
        """
        self.check_supported()
        if self.rows is not None:
            shapes = [self.shape(index) for index in self._reading_order]
            result = np.zeros((len(self), self.ndim), dtype=np.int64)
            result[self._reading_order] = np.array(shapes, dtype=np.int64).reshape(len(self), self.ndim)
            return result
        if self.fixed_shape is not None:
            # Asking for the index makes sure that the length is not the metadata's invention.
            return np.tile(np.array(self.fixed_shape, dtype=np.int64), (self.chunks.num_samples, 1))
        if len(self) == 0:
            return np.zeros((0, self.ndim), dtype=np.int64)
        return self._reader.all_shapes()

    def numpy_all(self) -> list[Any]:
        """All samples, each chunk read once: for small tensors such as labels and boxes."""
        self.check_supported()
        if self.rows is not None:
            samples: list[Any] = [None] * len(self)
            for index in self._reading_order:
                samples[index] = self.read(index)
            return samples
        return list(self._reader.all_samples()) if len(self) else []

    def check_chunk(
        self, row: int, decode: bool = True, wanted: Sequence[int] | None = None
    ) -> Iterator[tuple[PenstockError, int, tuple[int, int] | None]]:
        """Tries the samples of a chunk and gives what is wrong: the error, which names the (first) sample, the last
        sample concerned, and where their bytes lie in the chunk's file. Without ``decode``, shapes and positions alone.
        ``wanted``: only these of the dataset's samples, rising, all of this chunk.
        """
        return self._reader.check(row, decode, wanted)

    def unsupported(self, decode: Decode = "numpy") -> str | None:
        """Why the tensor cannot be loaded, None when it can. ``decode`` is that of :meth:`read`."""
        reason = why_unsupported(self._meta, decode)
        if reason is None and self._tiled_samples:
            reason = f"sample {self._tiled_samples[0]} is stored in tiles, which is not supported yet"
        if reason is None and self._is_padded:
            reason = "the tensor is sparse (assigned to beyond its end), which is not supported yet"
        return reason

    def check_supported(self, decode: Decode = "numpy") -> None:
        """Raises UnsupportedError when the tensor cannot be loaded. ``decode`` is that of :meth:`read`."""
        if decode in self._supported:
            return
        reason = self.unsupported(decode)
        if reason is None:
            self._supported.add(decode)
        else:
            as_bytes = " or have its bytes with decode={...: 'bytes'}" if self.unsupported("bytes") is None else ""
            raise UnsupportedError(
                reason,
                tensor=self.name,
                path=self.path,
                index=next(iter(self._tiled_samples), None),
                hint=f"Leave it out with tensors=[...]{as_bytes}",
            )

    @cached_property
    def chunks(self) -> ChunkIndex:
        """Which chunk holds which sample. Raises DatasetFormatError; UnsupportedError for tiled samples."""
        if self._tiled_samples:
            self.check_supported()
        return read_chunk_index(self._store, self._version, self.key, self._meta.length)

    def chunk_rows(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        """Ids and last samples of the chunks, of unsupported tensors too. Raises DatasetFormatError."""
        return read_chunk_rows(self._store, self._version, self.key, self._meta.length)

    @cached_property
    def _reader(self) -> ChunkReader:
        layout = SampleLayout(
            is_image=self.decodes_images,
            # Values alone have none, and what is read as bytes: check_supported() refuses others without one.
            dtype=np.dtype(np.uint8) if self.dtype is None else self.dtype,
            ndim=self.ndim,
            fixed_shape=self.fixed_shape,
            sample_compression=self.sample_compression,
            chunk_compression=self.chunk_compression,
            value=self.value_format,
        )
        return ChunkReader(self._store, self.chunks, layout, self.name)

    @cached_property
    def _tiled_samples(self) -> list[int]:
        return self._read_encoder("tiles_index", parse_tiled_samples, [])

    @cached_property
    def _is_padded(self) -> bool:
        return self._read_encoder("pad_index", has_padding, False)

    @cached_property
    def _sequences(self) -> int:
        return self._read_encoder("sequence_index", parse_sequence_length, 0)

    def _read_encoder(self, folder: str, parse: Callable[[_bytes], _Parsed], default: _Parsed) -> _Parsed:
        key = in_commit(self._version.commit_id, self.key, folder, "unsharded")
        try:
            return parse(self._store.read(key))
        except FileNotFoundError:
            return default
        except DatasetFormatError as error:
            raise DatasetFormatError(f"'{key}': {error.cause}", path=self.path, tensor=self.name) from None

    def _checked(self, index: int) -> int:
        number = operator.index(index)
        if not -len(self) <= number < len(self):
            raise IndexError(f"sample {number} of tensor '{self.name}' is out of range: it has {len(self)}")
        number %= len(self)
        return number if self.rows is None else int(self.rows[number])

    @property
    def _reading_order(self) -> list[int]:
        """A view's samples in the order of the dataset, so that each chunk is read once."""
        order: list[int] = np.argsort(np.asarray(self.rows), kind="stable").tolist()
        return order


def _tensor_of(dataset: Dataset, name: str) -> Tensor:
    return dataset.hidden_tensors[name] if name in dataset.hidden_tensors else dataset[name]
