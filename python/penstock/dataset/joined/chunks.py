"""Chunks of several tensors under one index, for the native core to read as one tensor's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from penstock.dataset.interface import InChunks, Tensor
from penstock.dataset.lake3.chunk_index import ChunkIndex
from penstock.format.sample import SampleLayout

__all__ = ["JoinedChunks", "in_chunks", "why_apart"]


class JoinedChunks:
    """The stored samples of tensors, one tensor after the other.

    Args:
        parts: Samples of tensors for which :func:`why_apart` has nothing to say.
    """

    def __init__(self, parts: Sequence[InChunks]) -> None:
        self._parts = tuple(parts)
        counts = [part.chunks.num_samples for part in parts]
        #: Number of the first stored sample of each part.
        self._firsts = np.concatenate(([0], np.cumsum(counts[:-1]))).astype(np.int64)

    @cached_property
    def index(self) -> ChunkIndex:
        """Which chunk holds which sample. Where there are several parts, folders begin with the number of the part."""
        if len(self._parts) == 1:
            return self._parts[0].chunks
        indices = [part.chunks for part in self._parts]
        folders = [len(index.folders) for index in indices]
        return ChunkIndex(
            ids=np.concatenate([index.ids for index in indices]),
            last_index=np.concatenate([index.last_index + self._firsts[i] for i, index in enumerate(indices)]),
            folders=[f"{i}/{folder}" for i, index in enumerate(indices) for folder in index.folders],
            folder_of=np.concatenate(
                [index.folder_of + np.uint32(sum(folders[:i])) for i, index in enumerate(indices)]
            ).astype(np.uint32),
            tiles={
                int(self._firsts[i]) + sample: tiling
                for i, index in enumerate(indices)
                for sample, tiling in index.tiles.items()
            },
        )

    @property
    def layout(self) -> SampleLayout:
        """What the metadata says of how every sample is stored."""
        first = self._parts[0].layout
        return replace(first, fixed_shape=None) if _shapes_differ(self._parts) else first

    def rows(self, part_of: npt.NDArray[np.int64], index_of: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Numbers of samples, int64 as the arguments: the part that each is of, and its index in there."""
        rows = np.zeros(len(part_of), np.int64)
        for number, part in enumerate(self._parts):
            here = part_of == number
            index = index_of[here]
            stored = index if part.rows is None else np.asarray(part.rows, dtype=np.int64)[index]
            rows[here] = stored + self._firsts[number]
        return rows

    def place(self, number: int) -> tuple[int, int]:
        """The part that a sample is of, and its number among those that the part stores."""
        part = int(np.searchsorted(self._firsts, number, side="right")) - 1
        return part, number - int(self._firsts[part])


def why_apart(parts: Sequence[Tensor]) -> str:
    """Why the native core cannot read the tensors as one, in words for a user; "" where it can."""
    first, *others = parts
    for other in others:
        for what, describe in _FORMAT.items():
            here, there = describe(first), describe(other)
            if here != there:
                return (
                    f"'{first.name}' of {first.path} and '{other.name}' of {other.path} differ in {what}: "
                    f"{here} and {there}"
                )
    if any(tensor.is_sequence or tensor.is_link for tensor in parts):
        return "sequences and links are not joined for the core"
    chunked = in_chunks(parts)
    if _shapes_differ(chunked) and any(
        part.layout.fixed_shape is not None and part.layout.sample_compression is None for part in chunked
    ):
        # Of those, Deep Lake finds samples by their one shape, and writes no positions.
        return f"the samples of '{first.name}' are not compressed, and those of each dataset have one shape"
    return ""


def in_chunks(parts: Sequence[Tensor]) -> list[InChunks]:
    """The samples of those tensors that the core reads in chunks."""
    return [stored for part in parts if (stored := part.core_source().in_chunks) is not None]


def _shapes_differ(parts: Sequence[InChunks]) -> bool:
    return len({part.layout.fixed_shape for part in parts}) > 1


def _kind_of_values(tensor: Tensor) -> str:
    return "arrays" if tensor.value_format is None else tensor.base_htype


#: What has to be the same of tensors that the core is to read as one, in words, and how to see it.
_FORMAT: dict[str, Callable[[Tensor], object]] = {
    "the version of Deep Lake": lambda tensor: tensor.format_version,
    "the kind of samples": _kind_of_values,
    "whether they are images": lambda tensor: tensor.decodes_images,
    "whether they are sequences": lambda tensor: tensor.is_sequence,
    "whether they are links": lambda tensor: tensor.is_link,
    "sample compression": lambda tensor: tensor.sample_compression,
    "chunk compression": lambda tensor: tensor.chunk_compression,
    "dtype": lambda tensor: str(tensor.dtype),
    "the number of axes": lambda tensor: tensor.ndim,
}
