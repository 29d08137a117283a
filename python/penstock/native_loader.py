"""The C++ loader behind :class:`penstock.DataLoader`."""

from __future__ import annotations

import atexit
import itertools
import logging
import os
import time
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch

from penstock._native import require_native
from penstock.collate import (
    collate_samples,
    grouped,
    numpy_samples,
    sample_bytes,
    sequence_batch,
    sequence_samples,
    tensor_batch,
)
from penstock.dataset import Tensor
from penstock.errors import LoaderClosedError, PenstockError
from penstock.options import LoaderOptions
from penstock.plan import EpochPlan
from penstock.python_columns import Columns, read_columns
from penstock.samples import Samples

if TYPE_CHECKING:
    from penstock import _core

__all__ = ["NativeLoader"]

logger = logging.getLogger("penstock")

#: Threads that read; two keep one read under way while another is being handed over.
_IO_THREADS = 2

_live: weakref.WeakSet[NativeLoader] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    # Before the interpreter goes: threads that allocate batch memory through Python must not find it gone.
    for loader in list(_live):
        loader.close()


class NativeLoader:
    """Runs plans on the C++ core.

    The core (threads, chunk cache, batch memory) starts with the first plan and lives until :meth:`close`. A forked
    child, which inherits no threads, starts its own.
    """

    def __init__(
        self, samples: Samples, options: LoaderOptions, collate: Callable[[list[Any]], Any] | None
    ) -> None:
        self._samples = samples
        self._options = options
        self._collate = collate
        self._core: _core.Loader | None = None
        self._pid = os.getpid()
        self._closed = False
        self._transform_seconds = 0.0
        # Links lead to files that only Python reads.
        self._in_python = {key: tensor for key, tensor in samples.tensors.items() if tensor.is_link}
        self._dtypes = {key: dtype for key, dtype in samples.dtypes.items() if key not in self._in_python}
        _live.add(self)

    def run(self, plan: EpochPlan) -> Iterator[Any]:
        """Yields the plan's batches in order."""
        core = self._started()
        batches = plan.remaining
        ends = list(itertools.accumulate(len(batch) for batch in batches))
        epoch = core.start(list(itertools.chain.from_iterable(batches)), ends)
        in_python = read_columns(
            self._in_python,
            self._samples.program.color,
            batches,
            threads=self._options.num_threads,
            ahead=self._options.prefetch_factor,
        )
        try:
            for columns in in_python:
                loaded = self._next(epoch)
                if loaded is None:
                    break
                indices, tensors = loaded
                yield self._batch(indices.tolist(), dict(zip(self._dtypes, tensors, strict=True)), columns, plan.epoch)
        finally:
            epoch.close()
            in_python.close()

    def stats(self) -> dict[str, float]:
        """Counters since the first plan; see :meth:`penstock.DataLoader.stats`."""
        if self._core is None or self._pid != os.getpid():
            return {}
        return {**self._core.stats(), "transform_seconds": self._transform_seconds}

    def close(self) -> None:
        """Stops the threads. Idempotent."""
        self._closed = True
        if self._core is not None and self._pid == os.getpid():
            self._core.stop()

    def __getstate__(self) -> dict[str, Any]:
        return {"_samples": self._samples, "_options": self._options, "_collate": self._collate}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_samples"], state["_options"], state["_collate"])  # type: ignore[misc]

    def _started(self) -> _core.Loader:
        if self._closed:
            raise LoaderClosedError("the loader is closed", path=self._samples.source.path)
        if self._core is None or self._pid != os.getpid():
            self._pid = os.getpid()
            self._core = self._start()
        return self._core

    def _start(self) -> _core.Loader:
        native = require_native()
        options = self._options
        program = self._samples.program
        sources = [
            _tensor_source(native, tensor, program.color.get(key, "native"))
            for key, tensor in self._samples.tensors.items()
            if key not in self._in_python
        ]
        if self._in_python:
            logger.info("penstock: %s: linked files are read by Python threads", ", ".join(self._in_python))
        logger.info("penstock: %d decoding threads, %d reading", options.num_threads, _IO_THREADS)
        loader: _core.Loader = native.Loader(
            root=self._samples.source.path,
            sources=sources,
            threads=options.num_threads,
            io_threads=_IO_THREADS,
            prefetch=options.prefetch_factor,
            cache_bytes=options.chunk_cache_bytes,
            allocate=_allocate_pinned if self._pins_slabs else None,
        )
        return loader

    @property
    def _per_sample(self) -> bool:
        """Whether Python sees single samples; else batches go out as the core made them."""
        return self._samples.program.call is not None or self._collate is not None

    @property
    def _pins_slabs(self) -> bool:
        return self._options.pin_memory and not self._per_sample

    def _next(self, epoch: _core.Epoch) -> tuple[Any, list[_core._TensorBatch]] | None:
        try:
            return epoch.next()
        except PenstockError as error:
            error.path = self._samples.source.path
            raise

    def _batch(
        self, indices: list[int], tensors: dict[str, _core._TensorBatch], columns: Columns, epoch: int
    ) -> Any:
        values = self._values(indices, tensors, columns)
        if not self._per_sample:
            batch = {key: self._column(key, indices, tensors, values) for key in self._samples.tensors}
            if self._samples.return_index:
                batch["index"] = torch.tensor(indices, dtype=torch.int64)
            return batch
        start = time.perf_counter()
        by_key = {key: self._sample_list(key, indices, tensors, values) for key in self._samples.tensors}
        samples = [
            self._samples.transformed({key: column[i] for key, column in by_key.items()}, epoch, index)
            for i, index in enumerate(indices)
        ]
        batch = (self._collate or collate_samples)(samples)
        self._transform_seconds += time.perf_counter() - start
        return _pin(batch) if self._options.pin_memory else batch

    def _column(
        self, key: str, indices: list[int], tensors: dict[str, _core._TensorBatch], values: dict[str, list[Any]]
    ) -> Any:
        """One key of a batch, as the default collate makes it."""
        if key in values:
            return collate_samples([{key: value} for value in values[key]])[key]
        tensor, dtype = self._samples.tensors[key], self._dtypes[key]
        if tensor.is_sequence:
            return sequence_batch(tensors[key], dtype, _lengths(tensor, indices), tensor.sequence([]))
        return tensor_batch(tensors[key], dtype)

    def _sample_list(
        self, key: str, indices: list[int], tensors: dict[str, _core._TensorBatch], values: dict[str, list[Any]]
    ) -> list[Any]:
        """One key of a batch, sample by sample."""
        if key in values:
            return values[key]
        tensor, dtype = self._samples.tensors[key], self._dtypes[key]
        if tensor.is_sequence:
            return sequence_samples(tensors[key], dtype, _lengths(tensor, indices), tensor.sequence([]))
        return numpy_samples(tensors[key], dtype)

    def _values(
        self, indices: list[int], tensors: dict[str, _core._TensorBatch], columns: Columns
    ) -> dict[str, list[Any]]:
        """Samples of a batch that Python makes, by key: text, JSON and polygons of the bytes that the core has read,
        and what the core has not read.
        """
        sources = {key: self._samples.tensors[key] for key in tensors}
        stored = {
            key: grouped(sample_bytes(tensors[key]), _lengths(tensor, indices))
            for key, tensor in sources.items()
            if tensor.value_format is not None
        }
        values: dict[str, list[Any]] = {key: [] for key in self._samples.tensors if key in stored or key in columns}
        # Sample by sample, so that the error of the first bad one is raised, as in the Python loader.
        for position, index in enumerate(indices):
            for key, column in values.items():
                if key in stored:
                    column.append(sources[key].value(index, stored[key][position]))
                else:
                    column.append(columns[key][position].result())
        return values


def _lengths(tensor: Tensor, indices: list[int]) -> list[int]:
    """How many items each sample has."""
    if not tensor.is_sequence:
        return [1] * len(indices)
    return [len(tensor.sequences.items(index)) for index in indices]


def _pin(batch: Any) -> Any:
    """A copy of a batch of any structure in pinned memory, as torch's own loader makes it."""
    return torch.utils.data._utils.pin_memory.pin_memory(batch)  # type: ignore[no-untyped-call]


def _allocate_pinned(size: int) -> tuple[int, torch.Tensor]:
    """Pinned memory from torch's caching host allocator. It gives memory out again only when copies to a device that
    read from it are done, which nobody else could know: that is why slabs of this kind are not kept by the core."""
    memory = torch.empty(size, dtype=torch.uint8, pin_memory=True)
    return memory.data_ptr(), memory


def _tensor_source(native: Any, tensor: Tensor, color: str) -> _core.TensorSource:
    chunks, layout = tensor.chunks, tensor.layout
    as_bytes = layout.value is not None
    fixed = None if as_bytes else layout.fixed_shape
    runs = tensor.sequences if tensor.is_sequence else None
    return native.TensorSource(  # type: ignore[no-any-return]
        name=tensor.name,
        is_image=layout.is_image,
        item_size=1 if as_bytes else layout.dtype.itemsize,
        sample_compression=layout.sample_compression or "none",
        chunk_compression=layout.chunk_compression or "none",
        fixed_shape=None if fixed is None else list(fixed),
        dimensions=layout.ndim,
        color=color,
        as_bytes=as_bytes,
        ids=chunks.ids,
        last_index=chunks.last_index,
        folder_of=chunks.folder_of,
        folders=chunks.folders,
        tiles=[(index, tiling.sample_shape, tiling.tile_shape) for index, tiling in chunks.tiles.items()],
        sequences=None if runs is None else (runs.lengths, runs.first_item, runs.last),
    )
