"""A tensor of other tensors' samples."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from penstock.dataset.interface import Block, CoreSource, Route, Tensor, Wrong
from penstock.dataset.joined.chunks import JoinedChunks, in_chunks, why_apart
from penstock.dataset.lake3.chunk_index import ChunkIndex
from penstock.dataset.lake3.rows import sample_number
from penstock.format.decode import Color
from penstock.format.sample import Decode, SampleLayout

if TYPE_CHECKING:
    from penstock.dataset.joined.dataset import JoinedDataset

__all__ = ["JoinedTensor"]

# Inside the class below, `bytes` is a method.
_bytes = bytes


def _of_first_part(name: str) -> Any:
    """A property of that name: the first part's."""

    def get(self: JoinedTensor) -> Any:
        return getattr(self.parts[0], name)

    return property(get)


class JoinedTensor:
    """A tensor of a :class:`JoinedDataset`. Samples are read by the parts' tensors, which errors name.

    Attributes:
        name: Its name in the joined dataset.
        parts: The tensor of each part.
    """

    # Those of the first part: where parts differ, :attr:`apart` says so.
    format_version: int = _of_first_part("format_version")
    htype: str = _of_first_part("htype")
    base_htype: str = _of_first_part("base_htype")
    is_sequence: bool = _of_first_part("is_sequence")
    is_link: bool = _of_first_part("is_link")
    decodes_images: bool = _of_first_part("decodes_images")
    is_image: bool = _of_first_part("is_image")
    value_format: object | None = _of_first_part("value_format")
    dtype: np.dtype[Any] | None = _of_first_part("dtype")
    sample_compression: str | None = _of_first_part("sample_compression")
    chunk_compression: str | None = _of_first_part("chunk_compression")
    ndim: int = _of_first_part("ndim")
    info: Mapping[str, Any] = _of_first_part("info")
    class_names: list[str] | None = _of_first_part("class_names")
    empty_sequence: Any = _of_first_part("empty_sequence")

    def __init__(self, dataset: JoinedDataset, name: str, parts: Sequence[Tensor]) -> None:
        self._dataset = dataset
        self.name = name
        self.parts = tuple(parts)

    @cached_property
    def apart(self) -> str:
        """Why the native core cannot read the parts as one tensor; "" where it can."""
        return why_apart(self.parts)

    def route(self, decode: Decode) -> Route:
        """Who reads the samples for the native loader: Python where the parts differ."""
        routes = {part.route(decode) for part in self.parts}
        return routes.pop() if len(routes) == 1 and not self.apart else "python"

    def serves_core_transforms(self, decode: Decode) -> bool:
        """Whether the core's transforms can start from the samples of every part, as from one tensor's."""
        return not self.apart and all(part.serves_core_transforms(decode) for part in self.parts)

    def core_source(self) -> CoreSource:
        """The parts' chunks as one tensor's, or what asks the parts. Only where :attr:`apart` has nothing to say."""
        return CoreSource(read_many=self.read_many) if self._reads_many else CoreSource(in_chunks=self)

    @property
    def chunks(self) -> ChunkIndex:
        """Which chunk holds which stored sample. Only where :attr:`apart` has nothing to say, as the three below."""
        return self._stored.index

    @property
    def layout(self) -> SampleLayout:
        """What the metadata says of how every sample is stored."""
        return self._stored.layout

    @property
    def runs(self) -> None:
        """None: sequences are not joined for the core."""
        return None

    @cached_property
    def rows(self) -> npt.NDArray[np.int64]:
        """The number of each sample among the stored ones of :attr:`chunks`."""
        return self._stored.rows(self._dataset.part_of, self._dataset.index_of)

    def stored_place(self, number: int) -> tuple[int, int]:
        """The part that a stored sample is of, and its number in there; of parts without chunks, those of a sample."""
        return self._place(number) if self._reads_many else self._stored.place(number)

    @property
    def _reads_many(self) -> bool:
        """Whether the core asks for samples, as it does of Deep Lake 4, and reads no chunks."""
        return self.parts[0].core_source().in_chunks is None

    def read_many(self, indices: Sequence[int], decoded: bool) -> list[Any]:
        """As :attr:`penstock.dataset.interface.CoreSource.read_many`, where all parts have that."""
        places = [self._place(index) for index in indices]
        results: list[Any] = [None] * len(indices)
        for number in sorted({part for part, _ in places}):
            read_part = self.parts[number].core_source().read_many
            assert read_part is not None
            positions = [i for i, place in enumerate(places) if place[0] == number]
            found = read_part([places[i][1] for i in positions], decoded)
            for position, result in zip(positions, found, strict=True):
                results[position] = result
        return results

    @property
    def path(self) -> str:
        """The joined dataset's path."""
        return self._dataset.path

    @property
    def min_shape(self) -> tuple[int, ...]:
        """Smallest extent of each axis over all samples of the parts."""
        return tuple(map(min, zip(*(part.min_shape for part in self.parts), strict=False)))

    @property
    def max_shape(self) -> tuple[int, ...]:
        """Largest extent of each axis over all samples of the parts."""
        return tuple(map(max, zip(*(part.max_shape for part in self.parts), strict=False)))

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Any:
        """A sample as its part's tensor gives it."""
        return self.read(index)

    def __repr__(self) -> str:
        return f"JoinedTensor('{self.name}', length={len(self)}, parts={list(self.parts)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (operator.getitem, (self._dataset, self.name))

    def read(self, index: int, color: Color = "native", decode: Decode = "numpy") -> Any:
        """A decoded sample; see :meth:`penstock.dataset.Tensor.read`."""
        part, own = self._place(index)
        return self.parts[part].read(own, color, decode)

    def bytes(self, index: int) -> _bytes:
        """A sample's bytes as stored."""
        part, own = self._place(index)
        return self.parts[part].bytes(own)

    def value(self, index: int, pieces: Sequence[_bytes], color: Color = "native", decode: Decode = "numpy") -> Any:
        """What the bytes that the native core has read stand for."""
        part, own = self._place(index)
        return self.parts[part].value(own, pieces, color, decode)

    def shape(self, index: int) -> tuple[int, ...]:
        """Shape of a sample, without decoding it."""
        part, own = self._place(index)
        return self.parts[part].shape(own)

    def shapes(self) -> npt.NDArray[np.int64]:
        """Shapes of all samples, int64 [samples, axes]; each part's are read once. Missing axes are 0."""
        found = [part.shapes() for part in self.parts]
        shapes = np.zeros((len(self), max(array.shape[1] for array in found)), dtype=np.int64)
        for number, array in enumerate(found):
            here = self._dataset.part_of == number
            shapes[here, : array.shape[1]] = array[self._dataset.index_of[here]]
        return shapes

    def numpy_all(self) -> list[Any]:
        """All samples; each part's are read once, and a sample that comes several times is one object."""
        found = [part.numpy_all() for part in self.parts]
        places = zip(self._dataset.part_of.tolist(), self._dataset.index_of.tolist(), strict=True)
        return [found[part][index] for part, index in places]

    def unsupported(self, decode: Decode = "numpy") -> str | None:
        """Why the tensor cannot be loaded, None when it can."""
        return next((reason for part in self.parts if (reason := part.unsupported(decode)) is not None), None)

    def check_supported(self, decode: Decode = "numpy") -> None:
        """Raises UnsupportedError when the tensor cannot be loaded."""
        for part in self.parts:
            part.check_supported(decode)

    def item_counts(self, indices: Sequence[int]) -> list[int]:
        """How many items each of these samples has."""
        return [count for index in indices for count in self._item_count(*self._place(index))]

    def chunk_count(self) -> None:
        """None: chunks are the parts'."""
        return None

    def chunk_numbers(self) -> npt.NDArray[np.int64] | None:
        """The number of the chunk that holds each sample: those of the first part, then those of the next, ...; None
        where a part has none.
        """
        numbers, count = np.zeros(len(self), dtype=np.int64), 0
        for number, part in enumerate(self.parts):
            own = part.chunk_numbers()
            if own is None:
                return None
            here = self._dataset.part_of == number
            numbers[here] = own[self._dataset.index_of[here]] + count
            count += int(own.max(initial=-1)) + 1
        return numbers

    def check_index(self) -> None:
        """That of each part."""
        for part in self.parts:
            part.check_index()

    def blocks(self) -> Iterator[Block]:
        """There are none: the parts' samples are checked, each once (see :meth:`penstock.Dataset.stored_in`)."""
        raise NotImplementedError("a joined tensor stores no samples")

    def check_block(self, block: Block, *, decode: bool, native: bool) -> Iterable[Wrong]:
        """As :meth:`blocks`."""
        raise NotImplementedError("a joined tensor stores no samples")

    def _item_count(self, part: int, index: int) -> list[int]:
        return self.parts[part].item_counts([index])

    def _place(self, index: int) -> tuple[int, int]:
        """The part that a sample is of, and its index in there. Raises IndexError."""
        number = sample_number(index, self.name)
        if not -len(self) <= number < len(self):
            raise IndexError(f"sample {number} of tensor '{self.name}' is out of range: it has {len(self)}")
        return int(self._dataset.part_of[number]), int(self._dataset.index_of[number])

    @cached_property
    def _stored(self) -> JoinedChunks:
        return JoinedChunks(in_chunks(self.parts))
