"""One tensor of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from penstock.dataset.chunk_index import ChunkIndex, read_chunk_index, read_chunk_rows
from penstock.dataset.chunk_reader import ChunkReader
from penstock.dataset.encoders import parse_sequences, parse_tiles
from penstock.dataset.keys import in_commit
from penstock.dataset.links import naming_link, read_link
from penstock.dataset.records import damaged, read_record
from penstock.dataset.rows import RowIndex, Rows, sample_number
from penstock.dataset.sequences import SequenceIndex
from penstock.dataset.storage import Store
from penstock.dataset.support import IMAGE_HTYPES, VALUE_HTYPES, holds_images, why_unsupported
from penstock.dataset.tensor_meta import TensorMeta, parse_tensor_meta
from penstock.dataset.versions import Version
from penstock.errors import DatasetFormatError, MissingExtraError, PenstockError, UnsupportedError
from penstock.reference.decode import Color
from penstock.reference.image_file import decode_image_file, image_file_shape, open_image_file
from penstock.reference.sample import DECODINGS, Decode, SampleLayout
from penstock.reference.sequence import compose_sequence, empty_sequence
from penstock.reference.tiles import Tiling
from penstock.reference.values import TEXT, ValueFormat

if TYPE_CHECKING:
    from penstock.dataset.dataset import Dataset

__all__ = ["Tensor"]

_Parsed = TypeVar("_Parsed")
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
            raise damaged(f"'{meta_key}' is missing", store.root, name) from None

    @property
    def path(self) -> str:
        """The dataset's path."""
        return self._store.root

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
        return len(self.sequences) if self.is_sequence else self._meta.length

    def __getitem__(self, index: int) -> Any:
        """A sample as Deep Lake returns it: an array of its own, which may be written to.

        Text, JSON and lists are arrays of text and objects, polygons a list of arrays: see
        :func:`penstock.reference.decode_value`. A sequence is an array with an axis more than its items, or the list
        of them where their shapes differ: see :func:`penstock.reference.sequence.compose_sequence`.
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
            color: For images: "native", "rgb" and "bgr" for uint8 (h, w, 3), or "gray" for uint8 (h, w).
            decode: "numpy" gives what :meth:`__getitem__` does; "bytes" what :meth:`bytes` does, of every htype;
                "pil", of images and of what is compressed as images, a ``PIL.Image.Image`` of the file as it is
                (palettes and EXIF included), and an empty array where there are no pixels. A sequence is then
                the list of its items.

        Raises:
            IndexError: There is no such sample.
            ValueError: There is no such ``decode``.
        """
        if decode not in DECODINGS:
            raise ValueError(f"decode must be one of {', '.join(map(repr, DECODINGS))}, got {decode!r}")
        self.check_supported(decode)
        checked = self._checked(index)
        if not self.is_sequence:
            return self._item(checked, color, decode)
        with self._placed(checked):
            return self._composed([self._item(item, color, decode) for item in self.sequences.items(checked)], decode)

    def bytes(self, index: int) -> bytes:
        """A sample's bytes as stored: a JPEG file, for example; of a link, the file's. Of a compressed chunk: the
        sample's own bytes. UnsupportedError for sequences and samples in tiles, which have more than one piece.
        """
        self.check_supported("bytes")
        checked = self._checked(index)
        if self.is_sequence:
            with self._placed(checked):
                raise UnsupportedError("a sequence's bytes are not in one piece")
        if not self.is_link:
            return self._reader.stored(checked)
        with self._linked(checked) as file:
            return file

    def value(
        self, index: int, pieces: Sequence[_bytes], color: Color = "native", decode: Decode = "numpy"
    ) -> Any:
        """What a sample's bytes stand for, where the native core has read them: as they are stored; but text, JSON and
        polygons, to be decoded, come without lz4.

        Args:
            index: Which sample.
            pieces: The bytes of each item of a sequence, else of the sample alone.
            color, decode: As for :meth:`read`.

        Raises DecodeError.
        """
        checked = self._checked(index)
        if not self.is_sequence:
            return self._reader.value(checked, pieces[0], color, decode)
        with self._placed(checked):
            items = zip(self.sequences.items(checked), pieces, strict=True)
            return self._composed([self._reader.value(item, data, color, decode) for item, data in items], decode)

    def items(self, index: int) -> range:
        """The items that make up a sample, by their numbers in the whole tensor; of a plain sample, its own."""
        checked = self._checked(index)
        return self.sequences.items(checked) if self.is_sequence else range(checked, checked + 1)

    def sequence(self, items: list[Any]) -> Any:
        """The sample that decoded items of a sequence make."""
        dtype, axes = (None, 0) if self.is_link else (self.dtype, len(self._meta.max_shape))
        return compose_sequence(items, empty_sequence(self.base_htype, dtype, axes, self._meta.length))

    def _composed(self, items: list[Any], decode: Decode) -> Any:
        return self.sequence(items) if decode == "numpy" else items

    def shape(self, index: int) -> tuple[int, ...]:
        """Shape of a sample, without decoding it. UnsupportedError for sequences of items of different shapes."""
        self.check_supported()
        checked = self._checked(index)
        if not self.is_sequence:
            return self._item_shape(checked)
        with self._placed(checked):
            items = self.sequences.items(checked)
            shapes = {self._item_shape(item) for item in items}
            if len(shapes) > 1:
                raise UnsupportedError("the items of the sequence have different shapes")
            shape = (len(items), *next(iter(shapes), ()))
            # As the sample is read that has no elements.
            return np.shape(self.sequence([])) if self.value_format is None and 0 in shape else shape

    def shapes(self) -> npt.NDArray[np.int64]:
        """Shapes of all samples, int64 [samples, axes], from the chunks' headers: nothing is decoded.

        Errors name the first sample of the chunk concerned.
        """
        self.check_supported()
        if self.rows is not None or self.is_sequence or self.is_link:
            return self._shapes_one_by_one()
        if self.fixed_shape is not None:
            # Asking for the index makes sure that the length is not the metadata's invention.
            return np.tile(np.array(self.fixed_shape, dtype=np.int64), (self.chunks.num_samples, 1))
        if len(self) == 0:
            return np.zeros((0, self.ndim), dtype=np.int64)
        return self._reader.all_shapes()

    def numpy_all(self) -> list[Any]:
        """All samples, each chunk read once: for small tensors such as labels and boxes."""
        self.check_supported()
        if self.rows is not None or self.is_sequence or self.is_link:
            samples: list[Any] = [None] * len(self)
            for index in self._reading_order:
                samples[index] = self.read(index)
            return samples
        return list(self._reader.all_samples()) if len(self) else []

    def check_chunk(
        self, row: int, decode: bool = True, wanted: Sequence[int] | None = None
    ) -> Iterator[tuple[PenstockError, int, tuple[int, int] | None]]:
        """Tries the items of a chunk and gives what is wrong: the error, which names the (first) item, the last item
        concerned, and where their bytes lie in the chunk's file. Without ``decode``, shapes and positions alone.
        ``wanted``: only these of the whole tensor's items, rising, all of this chunk.
        """
        unread: set[int] = set()
        for error, last, extent in self._reader.check(row, decode, wanted):
            assert error.index is not None
            unread.update(range(error.index, last + 1) if self.is_link else ())
            yield error, last, extent
        if self.is_link and decode:
            items = wanted or range(self.chunks.first_index(row), int(self.chunks.last_index[row]) + 1)
            yield from self._check_files(row, [item for item in items if item not in unread])

    def _check_files(
        self, row: int, items: Sequence[int]
    ) -> Iterator[tuple[PenstockError, int, tuple[int, int] | None]]:
        """Tries the files that links name."""
        for item in items:
            try:
                self._item(item, "native", "numpy")
            except MissingExtraError:
                raise
            except PenstockError as error:
                error.chunk = self.chunks.key(row)
                yield error, item, None

    def unsupported(self, decode: Decode = "numpy") -> str | None:
        """Why the tensor cannot be loaded, None when it can. ``decode`` is that of :meth:`read`."""
        reason = why_unsupported(self._meta, decode)
        if reason is None and self.is_link and self._tiles:
            reason = f"sample {min(self._tiles)} is linked in tiles, which is not supported yet"
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
        return self._read_encoder("sequence_index", lambda data: parse_sequences(data, self._meta.length))

    def chunk_rows(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        """Ids and last samples of the chunks, of unsupported tensors too. Raises DatasetFormatError."""
        return read_chunk_rows(self._store, self._version, self.key, self._meta.length)

    @cached_property
    def _reader(self) -> ChunkReader:
        return ChunkReader(self._store, self.chunks, self.layout, self.name)

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

    def _item(self, item: int, color: Color, decode: Decode) -> Any:
        """A sample that is no sequence, or an item of one."""
        if not self.is_link:
            return self._reader.sample(item, color, decode)
        with self._linked(item) as file:
            if decode == "bytes":
                return file
            if not file:
                return np.ones((0,))
            if decode == "pil":
                return open_image_file(file)
            return decode_image_file(file, len(self.max_shape), color if self.base_htype in IMAGE_HTYPES else "native")

    def _item_shape(self, item: int) -> tuple[int, ...]:
        if not self.is_link:
            return self._meta.fixed_shape or self._reader.shape(item)
        with self._linked(item) as file:
            return image_file_shape(file, len(self.max_shape)) if file else (0,)

    @contextmanager
    def _linked(self, item: int) -> Iterator[_bytes]:
        """The file that a link names, nothing for an empty link. Errors from within name sample and file."""
        link = self._reader.stored(item)
        with self._placed(item):
            file = read_link(link) if link else b""
            with naming_link(link):
                yield file

    def _shapes_one_by_one(self) -> npt.NDArray[np.int64]:
        shapes = np.zeros((len(self), self.ndim or 3 * self.is_link), dtype=np.int64)
        for index in self._reading_order:
            shape = self.shape(index)
            shapes[index, : len(shape)] = shape
        return shapes

    @contextmanager
    def _placed(self, index: int) -> Iterator[None]:
        """Tells errors from within where they happened. Of an item, the sequence is named."""
        try:
            yield
        except DatasetFormatError:
            raise  # of all samples alike
        except PenstockError as error:
            error.path, error.tensor, error.index = self.path, self.name, index
            raise

    @cached_property
    def _tiles(self) -> dict[int, Tiling]:
        return self._read_encoder("tiles_index", parse_tiles)

    def _read_encoder(self, folder: str, parse: Callable[[_bytes], _Parsed]) -> _Parsed:
        key = in_commit(self._version.commit_id, self.key, folder, "unsharded")
        try:
            data = self._store.read(key)
        except FileNotFoundError:
            # Deep Lake writes an encoder once there is something to encode.
            data = b""
        try:
            return parse(data)
        except DatasetFormatError as error:
            raise damaged(f"'{key}': {error.cause}", self.path, self.name) from None

    def _checked(self, index: int) -> int:
        number = sample_number(index, self.name)
        if not -len(self) <= number < len(self):
            raise IndexError(f"sample {number} of tensor '{self.name}' is out of range: it has {len(self)}")
        number %= len(self)
        return number if self.rows is None else int(self.rows[number])

    @property
    def _reading_order(self) -> list[int]:
        """The samples in the order of the dataset, so that each chunk is read once."""
        if self.rows is None:
            return list(range(len(self)))
        order: list[int] = np.argsort(np.asarray(self.rows), kind="stable").tolist()
        return order


def _tensor_of(dataset: Dataset, name: str) -> Tensor:
    return dataset[name]
