"""One tensor of a dataset."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from penstock.dataset.data_form import INFO_HTYPES, data_form
from penstock.dataset.interface import Block, CoreSource, Route, Wrong
from penstock.dataset.lake3.chunk_reader import ChunkReader
from penstock.dataset.lake3.link_reader import LinkReader
from penstock.dataset.lake3.rows import RowIndex, Rows, sample_number
from penstock.dataset.lake3.sequences import SequenceIndex
from penstock.dataset.lake3.stored_tensor import StoredTensor
from penstock.dataset.lake3.versions import Version
from penstock.dataset.names import IMAGE_HTYPES
from penstock.dataset.placing import placing
from penstock.errors import UnsupportedError
from penstock.format.codecs import core_decodes, is_image_file
from penstock.format.decode import Color
from penstock.format.sample import DECODINGS, Decode
from penstock.format.sequence import compose_sequence, empty_sequence
from penstock.storage.store import Store

if TYPE_CHECKING:
    from penstock.dataset.lake3.dataset import Lake3Dataset

__all__ = ["Lake3Tensor"]

# Inside the class below, `bytes` is a method.
_bytes = bytes


class Lake3Tensor(StoredTensor):
    """A tensor: a list of samples, read one by one. Obtained from a :class:`Lake3Dataset`.

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
        dataset: Lake3Dataset,
        store: Store,
        version: Version,
        name: str,
        key: str,
        hidden: bool,
        index: RowIndex | None = None,
    ) -> None:
        super().__init__(store, version, name, key)
        self._dataset = dataset
        self.hidden = hidden
        self._index = index

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
        :func:`penstock.format.decode_value`. A sequence is an array with an axis more than its items, or the list
        of them where their shapes differ: see :func:`penstock.format.sequence.compose_sequence`.
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
                (palettes and EXIF included), and an empty array where there are no pixels; "data" what
                :func:`penstock.dataset.data_form.data_form` does. With "bytes" and "pil" a sequence is the list of its
                items.

        Raises:
            IndexError: There is no such sample.
            ValueError: There is no such ``decode``.
        """
        if decode not in DECODINGS:
            raise ValueError(f"decode must be one of {', '.join(map(repr, DECODINGS))}, got {decode!r}")
        self.check_supported(decode)
        checked = self._checked(index)
        if decode == "data":
            return data_form(self, self.read(index, color), self._sample_info(checked))
        if not self.is_sequence:
            return self._items.sample(checked, color, decode)
        with placing(self.path, self.name, checked):
            items = [self._items.sample(item, color, decode) for item in self.sequences.items(checked)]
            return self._composed(items, decode)

    def bytes(self, index: int) -> bytes:
        """A sample's bytes as stored: a JPEG file, for example; of a link, the file's. Of a compressed chunk: the
        sample's own bytes. UnsupportedError for sequences and samples in tiles, which have more than one piece.
        """
        self.check_supported("bytes")
        checked = self._checked(index)
        if self.is_sequence:
            with placing(self.path, self.name, checked):
                raise UnsupportedError("a sequence's bytes are not in one piece")
        return self._items.stored(checked)

    def value(self, index: int, pieces: Sequence[_bytes], color: Color = "native", decode: Decode = "numpy") -> Any:
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
        with placing(self.path, self.name, checked):
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

    @property
    def empty_sequence(self) -> Any:
        """The sample that a sequence without items makes; None where samples are no sequences."""
        return self.sequence([]) if self.is_sequence else None

    def item_counts(self, indices: Sequence[int]) -> list[int]:
        """How many items each of these samples has."""
        return [len(self.items(index)) for index in indices] if self.is_sequence else [1] * len(indices)

    @property
    def runs(self) -> SequenceIndex | None:
        """Which items make up which sample; None where these are no sequences."""
        return self.sequences if self.is_sequence else None

    def route(self, decode: Decode) -> Route:
        """Who reads the samples for the native loader."""
        if self.is_link or decode == "data":
            # The files say themselves what they are, and only Python asks them. Python's dicts are not the core's.
            return "python"
        if is_image_file(self.chunk_compression):
            # A chunk that is one image is of no use to Python in parts.
            natively = decode == "numpy" and core_decodes(self.chunk_compression, self.dtype)
            return "arrays" if natively else "python"
        if decode == "numpy" and self.value_format is None:
            compression = self.sample_compression
            if not is_image_file(compression) or core_decodes(compression, self.dtype):
                return "arrays"
        # The bytes of a sample in tiles are not in one piece.
        return "python" if self.chunks.tiles else "bytes"

    @property
    def apart(self) -> str:
        """Nothing: the samples are those of one tensor."""
        return ""

    def serves_core_transforms(self, decode: Decode) -> bool:
        """Whether each sample is stored in one piece that the core reads, and decodes where it is an array."""
        if self.is_sequence or self.chunks.tiles:
            return False
        return self.route(decode) == ("arrays" if self.value_format is None else "bytes")

    def core_source(self) -> CoreSource:
        """Its chunks."""
        return CoreSource(in_chunks=self)

    def _composed(self, items: list[Any], decode: Decode) -> Any:
        return self.sequence(items) if decode == "numpy" else items

    def shape(self, index: int) -> tuple[int, ...]:
        """Shape of a sample, without decoding it. UnsupportedError for sequences of items of different shapes."""
        self.check_supported()
        checked = self._checked(index)
        if not self.is_sequence:
            return self._item_shape(checked)
        with placing(self.path, self.name, checked):
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

    def chunk_count(self) -> int:
        """Number of chunks, of unsupported tensors too. Raises DatasetFormatError."""
        return len(self.chunk_rows()[0])

    def chunk_numbers(self) -> npt.NDArray[np.int64]:
        """The number of the chunk that holds each sample; see :meth:`penstock.dataset.Tensor.chunk_numbers`."""
        rows = None if self.rows is None else np.asarray(self.rows, dtype=np.int64)
        if not self.is_sequence:
            return self.chunks.rows_of(rows)
        first = self.sequences.first_items()
        # A sequence without items may stand after the last item: any chunk will do for it.
        last = max(self.chunks.num_samples - 1, 0)
        return self.chunks.rows_of(np.minimum(first if rows is None else first[rows], last))

    def check_index(self) -> None:
        """Raises DatasetFormatError where the indices cannot be read, or contradict the metadata."""
        _ = self.chunks, self.runs

    def blocks(self) -> Iterator[Block]:
        """The chunks, and which of the tensor's items each holds: all, or a view's; of an item in tiles, the first
        chunk.
        """
        items, begin = self._stored_items(), 0
        for row, last in enumerate(self.chunks.last_index.tolist()):
            end = last + 1 if isinstance(items, range) else bisect_right(items, last)
            if begin < end:
                yield Block(row, items[begin:end])
            begin = end

    def check_block(self, block: Block, *, decode: bool, native: bool = False) -> Iterator[Wrong]:
        """Tries the items of a chunk, in Python, and gives what is wrong. Without ``decode``, shapes and positions
        alone.
        """
        for found in self._items.check(block.number, decode, block.items):
            yield Wrong(*found)

    def _sample_info(self, stored: int) -> Any:
        """What Deep Lake has noted of a stored sample: a dict; of a sequence, a list with one for each item."""
        name = self._info_name
        if self.base_htype not in INFO_HTYPES or name not in self._dataset.hidden_tensors:
            return None
        infos = self._dataset.hidden_tensors[name].whole
        if self.is_sequence:
            return [{"value": infos.read(item)[0]} for item in self.sequences.items(stored)]
        return infos.read(stored)[0] if stored < len(infos) else None

    @property
    def _info_name(self) -> str:
        """The name of the hidden tensor that has what Deep Lake noted of each item."""
        group, slash, name = self.name.rpartition("/")
        return f"{group}{slash}_{name}_info"

    @cached_property
    def whole(self) -> Lake3Tensor:
        """The tensor of which a view's shows a part."""
        if self._index is None:
            return self
        return Lake3Tensor(self._dataset, self._store, self._version, self.name, self.key, self.hidden)

    def _stored_items(self) -> Sequence[int]:
        """The items of the whole tensor that the samples are made of, rising."""
        if self.rows is None:
            return range(self.chunks.num_samples)
        return sorted({item for index in range(len(self)) for item in self.items(index)})

    @cached_property
    def _reader(self) -> ChunkReader:
        return ChunkReader(self._store, self.chunks, self.layout, self.name)

    @cached_property
    def _items(self) -> ChunkReader | LinkReader:
        """Reads samples that are no sequences, and the items of sequences."""
        if not self.is_link:
            return self._reader
        is_image = self.base_htype in IMAGE_HTYPES
        return LinkReader(self._reader, self.chunks, self.path, self.name, len(self.max_shape), is_image)

    def _item_shape(self, item: int) -> tuple[int, ...]:
        fixed = None if self.is_link else self._meta.fixed_shape
        return fixed or self._items.shape(item)

    def _shapes_one_by_one(self) -> npt.NDArray[np.int64]:
        shapes = np.zeros((len(self), self.ndim or 3 * self.is_link), dtype=np.int64)
        for index in self._reading_order:
            shape = self.shape(index)
            shapes[index, : len(shape)] = shape
        return shapes

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


def _tensor_of(dataset: Lake3Dataset, name: str) -> Lake3Tensor:
    return dataset[name]
