"""Samples of one or several datasets, in any order and any number of times, as one dataset."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.dataset.chunk_index import ChunkIndex
from penstock.dataset.dataset import Dataset as ChunkedDataset
from penstock.dataset.interface import Dataset, Tensor
from penstock.dataset.lake4 import Lake4Tensor
from penstock.dataset.storage import Store
from penstock.dataset.tensor import Tensor as ChunkedTensor
from penstock.errors import PenstockError, TensorNotFoundError
from penstock.reference.decode import Color
from penstock.reference.sample import Decode, SampleLayout
from penstock.similar import similar

__all__ = ["JoinedDataset", "JoinedTensor"]

# Inside the class below, `bytes` is a method.
_bytes = bytes


class JoinedDataset:
    """Samples of other datasets as one dataset, read only. Pickles as those do.

    Args:
        parts: The datasets; views, and of any version.
        tensors: For each tensor of this dataset its name in each part.
        part_of: int64 [samples]: which part each sample is of.
        index_of: int64 [samples]: which sample of that part it is.
    """

    def __init__(
        self,
        parts: Sequence[Dataset],
        tensors: Mapping[str, Sequence[str]],
        part_of: npt.NDArray[np.int64],
        index_of: npt.NDArray[np.int64],
    ) -> None:
        self.parts = tuple(parts)
        self.part_of = part_of
        self.index_of = index_of
        self._names = {name: tuple(names) for name, names in tensors.items()}

    @cached_property
    def tensors(self) -> dict[str, JoinedTensor]:
        """Tensors by name."""
        return {
            name: JoinedTensor(self, name, [part[own] for part, own in zip(self.parts, names, strict=True)])
            for name, names in self._names.items()
        }

    @property
    def path(self) -> str:
        """The paths of the parts, each once, with " + " between them."""
        return " + ".join(dict.fromkeys(part.path for part in self.parts))

    @property
    def commit_id(self) -> str:
        """As :attr:`path`."""
        return " + ".join(dict.fromkeys(part.commit_id for part in self.parts))

    @property
    def branch(self) -> str:
        """As :attr:`path`."""
        return " + ".join(dict.fromkeys(part.branch for part in self.parts))

    @property
    def view_id(self) -> str | None:
        """As :attr:`path`, of the parts that are saved views; None where none is."""
        found = dict.fromkeys(part.view_id for part in self.parts if part.view_id is not None)
        return " + ".join(found) or None

    @property
    def info(self) -> Mapping[str, Any]:
        """That of the first part."""
        return self.parts[0].info

    @property
    def stores(self) -> list[Store]:
        """Files of the parts; none where a part is not read from files."""
        stores = [part.store for part in self.parts if isinstance(part, ChunkedDataset)]
        return stores if len(stores) == len(self.parts) else []

    def __len__(self) -> int:
        return len(self.part_of)

    def __getitem__(self, name: str) -> JoinedTensor:
        """A tensor by its name. Raises TensorNotFoundError."""
        try:
            return self.tensors[name]
        except (KeyError, TypeError):
            hint = similar(str(name), list(self.tensors), "The dataset has no tensors")
            raise TensorNotFoundError(f"there is no tensor {name!r}", path=self.path, hint=hint) from None

    def __contains__(self, name: object) -> bool:
        return name in self.tensors

    def __repr__(self) -> str:
        return f"JoinedDataset('{self.path}', length={len(self)}, tensors={list(self.tensors)})"

    def __getstate__(self) -> dict[str, Any]:
        # The tensors pickle as this dataset's.
        return {name: value for name, value in vars(self).items() if name != "tensors"}

    def fingerprint(self) -> str:
        """Sixteen hex digits that stand for the parts' samples and which of them are here."""
        digest = hashlib.sha256("\0".join(part.fingerprint() for part in self.parts).encode())
        digest.update(self.part_of.astype("<i8").tobytes() + self.index_of.astype("<i8").tobytes())
        return digest.hexdigest()[:16]

    def place(self, error: PenstockError) -> None:
        """Gives an error of the native core, which knows joined tensors alone, the names that the part has: path,
        tensor, sample and chunk."""
        tensor = self.tensors.get(error.tensor or "")
        if tensor is None or error.index is None:
            error.path = error.path or self.path
            return
        part, error.index = tensor.stored_place(error.index)
        error.path, error.tensor = self.parts[part].path, tensor.parts[part].name
        if error.chunk is not None and len(self.parts) > 1:
            error.chunk = error.chunk.partition("/")[2]


class JoinedTensor:
    """A tensor of a :class:`JoinedDataset`. Samples are read by the parts' tensors, which errors name.

    Attributes:
        name: Its name in the joined dataset.
        parts: The tensor of each part.
    """

    def __init__(self, dataset: JoinedDataset, name: str, parts: Sequence[Tensor]) -> None:
        self._dataset = dataset
        self.name = name
        self.parts = tuple(parts)

    @cached_property
    def apart(self) -> str:
        """Why the native core cannot read the parts as one tensor; "" where it can."""
        first, *others = self.parts
        for other in others:
            for what, describe in _FORMAT.items():
                here, there = describe(first), describe(other)
                if here != there:
                    return (
                        f"'{first.name}' of {first.path} and '{other.name}' of {other.path} differ in {what}: "
                        f"{here} and {there}"
                    )
        if any(tensor.is_sequence or tensor.is_link for tensor in self.parts):
            return "sequences and links are not joined for the core"
        if self._shapes_differ and any(
            part.fixed_shape is not None and part.sample_compression is None
            for part in self.parts
            if isinstance(part, ChunkedTensor)
        ):
            # Of those, Deep Lake finds samples by their one shape, and writes no positions.
            return f"the samples of '{first.name}' are not compressed, and those of each dataset have one shape"
        return ""

    @cached_property
    def chunks(self) -> ChunkIndex:
        """Which chunk holds which stored sample: the parts' indices, one after the other. Where there are several parts
        folders begin with the number of the part. Only where :attr:`apart` has nothing to say."""
        if len(self._chunked) == 1:
            return self._chunked[0].chunks
        indices = [part.chunks for part in self._chunked]
        folders = [len(index.folders) for index in indices]
        return ChunkIndex(
            ids=np.concatenate([index.ids for index in indices]),
            last_index=np.concatenate([index.last_index + self._offsets[i] for i, index in enumerate(indices)]),
            folders=[f"{i}/{folder}" for i, index in enumerate(indices) for folder in index.folders],
            folder_of=np.concatenate(
                [index.folder_of + np.uint32(sum(folders[:i])) for i, index in enumerate(indices)]
            ).astype(np.uint32),
            tiles={
                int(self._offsets[i]) + sample: tiling
                for i, index in enumerate(indices)
                for sample, tiling in index.tiles.items()
            },
        )

    @property
    def layout(self) -> SampleLayout:
        """What the metadata says of how every sample is stored. Only where :attr:`apart` has nothing to say."""
        first = self._chunked[0].layout
        return replace(first, fixed_shape=None) if self._shapes_differ else first

    @cached_property
    def rows(self) -> npt.NDArray[np.int64]:
        """The number of each sample among the stored ones of :attr:`chunks`."""
        rows = np.zeros(len(self), np.int64)
        for number, part in enumerate(self._chunked):
            here = self._dataset.part_of == number
            index = self._dataset.index_of[here]
            stored = index if part.rows is None else np.asarray(part.rows, dtype=np.int64)[index]
            rows[here] = stored + self._offsets[number]
        return rows

    def stored_place(self, number: int) -> tuple[int, int]:
        """The part that a stored sample is of, and its number in there; of parts without chunks, those of a sample."""
        if self.reads_many:
            return self._place(number)
        part = int(np.searchsorted(self._offsets, number, side="right")) - 1
        return part, number - int(self._offsets[part])

    @property
    def reads_many(self) -> bool:
        """Whether the core asks for samples, as it does of Deep Lake 4, and reads no chunks."""
        return isinstance(self.parts[0], Lake4Tensor)

    def read_many(self, indices: Sequence[int], decoded: bool) -> list[Any]:
        """As :meth:`penstock.dataset.lake4.Lake4Tensor.read_many`, where all parts have that."""
        places = [self._place(index) for index in indices]
        results: list[Any] = [None] * len(indices)
        for number in sorted({part for part, _ in places}):
            part = self.parts[number]
            assert isinstance(part, Lake4Tensor)
            positions = [i for i, place in enumerate(places) if place[0] == number]
            found = part.read_many([places[i][1] for i in positions], decoded)
            for position, result in zip(positions, found, strict=True):
                results[position] = result
        return results

    @property
    def path(self) -> str:
        """The joined dataset's path."""
        return self._dataset.path

    @property
    def htype(self) -> str:
        """That of the first part, as all that follows."""
        return self.parts[0].htype

    @property
    def base_htype(self) -> str:
        return self.parts[0].base_htype

    @property
    def is_sequence(self) -> bool:
        return self.parts[0].is_sequence

    @property
    def is_link(self) -> bool:
        return self.parts[0].is_link

    @property
    def decodes_images(self) -> bool:
        return self.parts[0].decodes_images

    @property
    def is_image(self) -> bool:
        return self.parts[0].is_image

    @property
    def value_format(self) -> object | None:
        return self.parts[0].value_format

    @property
    def dtype(self) -> np.dtype[Any] | None:
        return self.parts[0].dtype

    @property
    def sample_compression(self) -> str | None:
        return self.parts[0].sample_compression

    @property
    def chunk_compression(self) -> str | None:
        return self.parts[0].chunk_compression

    @property
    def ndim(self) -> int:
        return self.parts[0].ndim

    @property
    def info(self) -> Mapping[str, Any]:
        return self.parts[0].info

    @property
    def class_names(self) -> list[str] | None:
        return self.parts[0].class_names

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

    def _place(self, index: int) -> tuple[int, int]:
        """The part that a sample is of, and its index in there. Raises IndexError."""
        number = operator.index(index)
        if not -len(self) <= number < len(self):
            raise IndexError(f"sample {number} of tensor '{self.name}' is out of range: it has {len(self)}")
        return int(self._dataset.part_of[number]), int(self._dataset.index_of[number])

    @property
    def _chunked(self) -> list[ChunkedTensor]:
        return [part for part in self.parts if isinstance(part, ChunkedTensor)]

    @property
    def _shapes_differ(self) -> bool:
        return len({part.layout.fixed_shape for part in self._chunked}) > 1

    @cached_property
    def _offsets(self) -> npt.NDArray[np.int64]:
        """Number of the first stored sample of each part."""
        counts = [part.chunks.num_samples for part in self._chunked]
        return np.concatenate(([0], np.cumsum(counts[:-1]))).astype(np.int64)


def _kind_of_values(tensor: Tensor) -> str:
    return "arrays" if tensor.value_format is None else tensor.base_htype


#: What has to be the same of tensors that the core is to read as one, in words, and how to see it.
_FORMAT: dict[str, Callable[[Tensor], object]] = {
    "the version of Deep Lake": lambda tensor: 4 if isinstance(tensor, Lake4Tensor) else 3,
    "the kind of samples": _kind_of_values,
    "whether they are images": lambda tensor: tensor.decodes_images,
    "whether they are sequences": lambda tensor: tensor.is_sequence,
    "whether they are links": lambda tensor: tensor.is_link,
    "sample compression": lambda tensor: tensor.sample_compression,
    "chunk compression": lambda tensor: tensor.chunk_compression,
    "dtype": lambda tensor: str(tensor.dtype),
    "the number of axes": lambda tensor: tensor.ndim,
}
