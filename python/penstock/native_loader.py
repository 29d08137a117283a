"""The C++ loader behind :class:`penstock.DataLoader`."""

from __future__ import annotations

import atexit
import functools
import itertools
import logging
import os
import time
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch

from penstock._native import require_native
from penstock.collate import collate_samples, numpy_samples, sample_bytes, tensor_batch
from penstock.dataset import Tensor
from penstock.dataset.lake4 import Lake4Tensor
from penstock.dataset.tensor import Tensor as ChunkedTensor
from penstock.errors import LoaderClosedError, PenstockError
from penstock.native_batch import native_batch, native_samples
from penstock.options import LoaderOptions
from penstock.plan import EpochPlan
from penstock.samples import Samples
from penstock.transforms.native import NativePart

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
        self._dtypes = samples.dtypes
        self._native = samples.program.native
        _live.add(self)

    def run(self, plan: EpochPlan) -> Iterator[Any]:
        """Yields the plan's batches in order."""
        core = self._started()
        batches = plan.remaining
        ends = list(itertools.accumulate(len(batch) for batch in batches))
        epoch = core.start(list(itertools.chain.from_iterable(batches)), ends, self._samples.seed, plan.epoch)
        try:
            while (loaded := self._next(epoch)) is not None:
                indices, tensors, metas = loaded
                if self._native is None:
                    yield self._batch(indices.tolist(), dict(zip(self._dtypes, tensors, strict=True)), plan.epoch)
                else:
                    yield self._transformed(self._native, indices.tolist(), tensors, metas, plan.epoch)
        finally:
            epoch.close()

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
            for key, tensor in self._samples.read_tensors.items()
        ]
        logger.info("penstock: %d decoding threads, %d reading", options.num_threads, _IO_THREADS)
        loader: _core.Loader = native.Loader(
            root=self._samples.source.path,
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
            image=list(self._samples.read_tensors).index(part.image),
            gray=part.gray,
            layout=part.layout,
            pad_value=part.pad_value,
        )

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

    def _batch(self, indices: list[int], tensors: dict[str, _core._TensorBatch], epoch: int) -> Any:
        values = self._values(indices, tensors)
        if not self._per_sample:
            batch = {
                key: values[key] if key in values else tensor_batch(tensor, self._dtypes[key])
                for key, tensor in tensors.items()
            }
            if self._samples.return_index:
                batch["index"] = torch.tensor(indices, dtype=torch.int64)
            return batch
        start = time.perf_counter()
        columns = {
            key: values[key] if key in values else numpy_samples(tensor, self._dtypes[key])
            for key, tensor in tensors.items()
        }
        samples = [
            self._samples.transformed({key: column[i] for key, column in columns.items()}, epoch, index)
            for i, index in enumerate(indices)
        ]
        batch = (self._collate or collate_samples)(samples)
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

    def _values(self, indices: list[int], tensors: dict[str, _core._TensorBatch]) -> dict[str, list[Any]]:
        """Text, JSON and polygons of a batch, by key: Python makes them of the bytes that the core has read."""
        sources = {key: tensor for key, tensor in self._samples.read_tensors.items() if tensor.value_format is not None}
        stored = {key: sample_bytes(tensors[key]) for key in sources}
        values: dict[str, list[Any]] = {key: [] for key in sources}
        # Sample by sample, so that the error of the first bad one is raised, as in the Python loader.
        for position, index in enumerate(indices):
            for key, tensor in sources.items():
                values[key].append(tensor.value(index, stored[key][position]))
        return values


def _pin(batch: Any) -> Any:
    """A copy of a batch of any structure in pinned memory, as torch's own loader makes it."""
    return torch.utils.data._utils.pin_memory.pin_memory(batch)  # type: ignore[no-untyped-call]


def _allocate_pinned(size: int) -> tuple[int, torch.Tensor]:
    """Pinned memory from torch's caching host allocator. It gives memory out again only when copies to a device that
    read from it are done, which nobody else could know: that is why slabs of this kind are not kept by the core."""
    memory = torch.empty(size, dtype=torch.uint8, pin_memory=True)
    return memory.data_ptr(), memory


def _tensor_source(native: Any, tensor: Tensor, color: str) -> _core.TensorSource:
    if isinstance(tensor, Lake4Tensor):
        return _read_source(native, tensor, color)
    assert isinstance(tensor, ChunkedTensor)
    chunks = tensor.chunks
    as_bytes = tensor.value_format is not None
    fixed = None if as_bytes else tensor.fixed_shape
    return native.TensorSource(  # type: ignore[no-any-return]
        name=tensor.name,
        is_image=tensor.is_image,
        item_size=1 if as_bytes or tensor.dtype is None else tensor.dtype.itemsize,
        sample_compression=tensor.sample_compression or "none",
        chunk_compression=tensor.chunk_compression or "none",
        fixed_shape=None if fixed is None else list(fixed),
        dimensions=tensor.ndim,
        color=color,
        as_bytes=as_bytes,
        ids=chunks.ids,
        last_index=chunks.last_index,
        folder_of=chunks.folder_of,
        folders=chunks.folders,
    )


def _read_source(native: Any, tensor: Lake4Tensor, color: str) -> _core.TensorSource:
    """A tensor whose samples come out of Python, encoded."""
    return native.TensorSource.from_reader(  # type: ignore[no-any-return]
        name=tensor.name,
        is_image=tensor.is_image,
        item_size=1 if tensor.dtype is None else tensor.dtype.itemsize,
        sample_compression=tensor.sample_compression or "none",
        color=color,
        as_bytes=tensor.value_format is not None,
        read=tensor.read_many,
    )
