"""The C++ loader behind :class:`penstock.DataLoader`."""

from __future__ import annotations

import atexit
import functools
import logging
import os
import time
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from penstock._native import require_native
from penstock.collate import (
    grouped,
    numpy_samples,
    sample_bytes,
    sequence_batch,
    sequence_samples,
    tensor_batch,
)
from penstock.dataset import Dataset, Tensor
from penstock.dataset.dataset import Dataset as ChunkedDataset
from penstock.dataset.lake4 import Lake4Tensor
from penstock.dataset.rows import Rows
from penstock.dataset.storage import LocalStore, Store
from penstock.dataset.tensor import Tensor as ChunkedTensor
from penstock.errors import LoaderClosedError, PenstockError
from penstock.native_batch import native_batch, native_samples
from penstock.options import LoaderOptions
from penstock.plan import EpochPlan
from penstock.python_columns import Columns, read_columns
from penstock.readings import Reading
from penstock.samples import Samples
from penstock.transforms.native import NativePart

if TYPE_CHECKING:
    from penstock import _core

__all__ = ["NativeLoader", "native_store", "tensor_source"]

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
        # Keys whose samples the core reads, and what its arrays hold; those that Python reads beside it.
        readings = samples.readings.items()
        self._dtypes = {key: reading.core_dtype for key, reading in readings if reading.route != "python"}
        self._in_python = {key: reading for key, reading in readings if reading.route == "python"}
        self._native = samples.program.native
        _live.add(self)

    def run(self, plan: EpochPlan) -> Iterator[Any]:
        """Yields the plan's batches in order."""
        core = self._started()
        order, ends = plan.remaining()
        epoch = core.start(order, ends, self._samples.seed, plan.epoch)
        in_python = read_columns(
            self._in_python,
            (order[begin:end] for begin, end in zip(np.append(0, ends), ends, strict=False)),
            threads=self._options.num_threads,
            ahead=self._options.prefetch_factor,
        )
        try:
            for columns in in_python:
                loaded = self._next(epoch)
                if loaded is None:
                    break
                indices, tensors, metas = loaded
                if self._native is None:
                    by_key = dict(zip(self._dtypes, tensors, strict=True))
                    yield self._batch(indices.tolist(), by_key, columns, plan.epoch)
                else:
                    yield self._transformed(self._native, indices.tolist(), tensors, metas, plan.epoch)
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
        sources = [tensor_source(native, self._samples.readings[key]) for key in self._dtypes]
        if self._in_python:
            logger.info("penstock: %s: read by Python threads", ", ".join(self._in_python))
        logger.info("penstock: %d decoding threads, %d reading", options.num_threads, _IO_THREADS)
        loader: _core.Loader = native.Loader(
            store=native_store(self._samples.source),
            sources=sources,
            threads=options.num_threads,
            io_threads=_IO_THREADS,
            prefetch=options.prefetch_factor,
            cache_bytes=options.chunk_cache_bytes,
            allocate=_allocate_pinned if self._pins_slabs else None,
            detection=None if self._native is None else self._detection(native, self._native),
        )
        return loader

    def _detection(self, native: Any, part: NativePart) -> _core.Detection:
        table = part.table()
        return native.Detection(  # type: ignore[no-any-return]
            steps=part.steps,
            table=native.AnnotationTable(**vars(table)),
            image=list(self._dtypes).index(part.image),
            masks=self._mask_source(part),
            gray=part.gray,
            layout=part.layout,
            pad_value=part.pad_value,
        )

    def _mask_source(self, part: NativePart) -> tuple[int, str | None, bool] | None:
        """Number of the masks' tensor, dtype of its polygons if it holds such, whether bitmaps are made of them."""
        if part.masks is None:
            return None
        tensor = self._samples.tensors[part.masks]
        dtype = None if tensor.value_format is None else str(tensor.dtype)
        return list(self._dtypes).index(part.masks), dtype, part.bitmaps

    @property
    def _per_sample(self) -> bool:
        """Whether Python sees single samples; else batches go out as the core made them."""
        if self._native is not None and self._native.complete is not None:
            return False
        return self._samples.program.python or self._collate is not None

    @property
    def _pins_slabs(self) -> bool:
        return self._options.pin_memory and not self._per_sample

    def _next(self, epoch: _core.Epoch) -> tuple[Any, list[_core._TensorBatch], Any] | None:
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
            made = self._samples.collate_columns(values)
            if self._options.pin_memory and made:
                made = _pin(made)
            batch = {
                key: made[key] if key in made else self._column(key, indices, tensors[key])
                for key in self._samples.readings
            }
            if self._samples.return_index:
                batch["index"] = torch.tensor(indices, dtype=torch.int64)
            return batch
        start = time.perf_counter()
        by_key = {
            key: values[key] if key in values else self._sample_list(key, indices, tensors[key])
            for key in self._samples.readings
        }
        samples = [
            self._samples.transformed({key: column[i] for key, column in by_key.items()}, epoch, index)
            for i, index in enumerate(indices)
        ]
        batch = (self._collate or self._samples.collate)(samples)
        self._transform_seconds += time.perf_counter() - start
        return _pin(batch) if self._options.pin_memory else batch

    def _transformed(
        self, part: NativePart, indices: list[int], tensors: list[_core._TensorBatch], metas: Any, epoch: int
    ) -> Any:
        """A batch of a pipeline whose leading steps the core has run."""
        start = time.perf_counter()
        if part.complete is not None:
            batch = part.complete(native_batch(tensors, metas))
        else:
            assert part.resume is not None and self._collate is not None
            batch = self._collate([
                self._samples.seeded(epoch, index, functools.partial(part.resume, sample))
                for index, sample in zip(indices, native_samples(tensors, metas), strict=True)
            ])
            batch = _pin(batch) if self._options.pin_memory else batch
        self._transform_seconds += time.perf_counter() - start
        return batch

    def _column(self, key: str, indices: list[int], native: _core._TensorBatch) -> Any:
        """Arrays of a batch that the core has made, as the default collate gives them."""
        tensor, dtype = self._samples.tensors[key], self._dtypes[key]
        if isinstance(tensor, ChunkedTensor) and tensor.is_sequence:
            return sequence_batch(native, dtype, _lengths(tensor, indices), tensor.sequence([]))
        return tensor_batch(native, dtype)

    def _sample_list(self, key: str, indices: list[int], native: _core._TensorBatch) -> list[Any]:
        """The same, sample by sample."""
        tensor, dtype = self._samples.tensors[key], self._dtypes[key]
        if isinstance(tensor, ChunkedTensor) and tensor.is_sequence:
            return sequence_samples(native, dtype, _lengths(tensor, indices), tensor.sequence([]))
        return numpy_samples(native, dtype)

    def _values(
        self, indices: list[int], tensors: dict[str, _core._TensorBatch], columns: Columns
    ) -> dict[str, list[Any]]:
        """Samples of a batch that are no arrays of the core's, by key: Python makes them of the bytes that the core has
        read (text, polygons, rare image formats), or has read them by itself.
        """
        readings = {key: reading for key, reading in self._samples.readings.items() if reading.route != "arrays"}
        stored = {
            key: grouped(sample_bytes(tensors[key]), _lengths(reading.tensor, indices))
            for key, reading in readings.items()
            if key in tensors
        }
        values: dict[str, list[Any]] = {key: [] for key in readings}
        # Sample by sample, so that the error of the first bad one is raised, as in the Python loader.
        for position, index in enumerate(indices):
            for key, reading in readings.items():
                if key in stored:
                    values[key].append(reading.value(index, stored[key][position]))
                else:
                    values[key].append(columns[key][position].result())
        return values


def _lengths(tensor: Tensor, indices: list[int]) -> list[int]:
    """How many items each sample has."""
    if isinstance(tensor, ChunkedTensor) and tensor.is_sequence:
        return [len(tensor.items(index)) for index in indices]
    return [1] * len(indices)


def _pin(batch: Any) -> Any:
    """A copy of a batch of any structure in pinned memory, as torch's own loader makes it."""
    return torch.utils.data._utils.pin_memory.pin_memory(batch)  # type: ignore[no-untyped-call]


def _allocate_pinned(size: int) -> tuple[int, torch.Tensor]:
    """Pinned memory from torch's caching host allocator. It gives memory out again only when copies to a device that
    read from it are done, which nobody else could know: that is why slabs of this kind are not kept by the core."""
    memory = torch.empty(size, dtype=torch.uint8, pin_memory=True)
    return memory.data_ptr(), memory


def native_store(dataset: Dataset) -> str | Store:
    """A dataset's files as the core takes them: directories it reads by itself; of Deep Lake 4, where it reads none,
    the path.
    """
    if isinstance(dataset, ChunkedDataset) and not isinstance(dataset.store, LocalStore):
        return dataset.store
    return dataset.path


def tensor_source(native: Any, reading: Reading) -> _core.TensorSource:
    """A tensor as the core knows it."""
    tensor = reading.tensor
    if isinstance(tensor, Lake4Tensor):
        return _read_source(native, tensor, reading)
    assert isinstance(tensor, ChunkedTensor)
    chunks, layout = tensor.chunks, tensor.layout
    fixed = reading.core_fixed_shape
    runs = tensor.sequences if tensor.is_sequence else None
    return native.TensorSource(  # type: ignore[no-any-return]
        name=tensor.name,
        is_image=layout.is_image,
        item_size=reading.core_dtype.itemsize,
        sample_compression=reading.core_compression,
        chunk_compression=layout.chunk_compression or "none",
        fixed_shape=None if fixed is None else list(fixed),
        dimensions=layout.ndim,
        color=reading.color,
        as_bytes=reading.route == "bytes",
        is_bool=reading.core_dtype.kind == "b",
        ids=chunks.ids,
        last_index=chunks.last_index,
        folder_of=chunks.folder_of,
        folders=chunks.folders,
        tiles=[(index, tiling.sample_shape, tiling.tile_shape) for index, tiling in chunks.tiles.items()],
        sequences=None if runs is None else (runs.lengths, runs.first_item, runs.last),
        rows=_row_map(native, tensor.rows),
    )


def _row_map(native: Any, rows: Rows | None) -> _core.RowMap | None:
    if rows is None:
        return None
    result: _core.RowMap = native.RowMap(rows.start, rows.step) if isinstance(rows, range) else native.RowMap(rows)
    return result


def _read_source(native: Any, tensor: Lake4Tensor, reading: Reading) -> _core.TensorSource:
    """A tensor whose samples come out of Python, encoded."""
    return native.TensorSource.from_reader(  # type: ignore[no-any-return]
        name=tensor.name,
        is_image=tensor.is_image,
        item_size=reading.core_dtype.itemsize,
        sample_compression=reading.core_compression,
        color=reading.color,
        as_bytes=reading.route == "bytes",
        read=tensor.read_many,
    )
