"""The C++ loader behind :class:`penstock.DataLoader`."""

from __future__ import annotations

import atexit
import concurrent.futures
import functools
import logging
import os
import time
import weakref
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import torch

from penstock._native import require_native
from penstock.cores import warn_of_too_many
from penstock.errors import LoaderClosedError, LoaderTimeoutError, PenstockError, timed_out
from penstock.loading.native.caches import cache_arguments
from penstock.loading.native.core_run import CoreRun
from penstock.loading.native.finishing import Finisher, pinned
from penstock.loading.native.memory import MemoryLimit
from penstock.loading.native.next_epoch import NextEpoch
from penstock.loading.native.part import NativePart
from penstock.loading.native.python_side import Columns, PythonPart, read_columns
from penstock.loading.native.sources import native_store, tensor_source
from penstock.loading.options import SAMPLES_A_THREAD, LoaderOptions
from penstock.loading.plan import Plan, Segment
from penstock.loading.samples import Samples
from penstock.loading.seeded_globals import pass_over
from penstock.loading.workers.arena import Arena
from penstock.loading.workers.pool import WorkerPool
from penstock.loading.workers.run import PooledRun
from penstock.locks import ForkLock
from penstock.threads import DaemonPool

if TYPE_CHECKING:
    from penstock import _core

__all__ = ["NativeLoader"]

logger = logging.getLogger("penstock")

#: Bytes that are read before they are needed. A disk answers at once; memory is better left to its cache.
_LOCAL_READ_AHEAD = 16 << 20
#: At 100 ms a request, 1 GB/s.
_REMOTE_READ_AHEAD = 128 << 20

_live: weakref.WeakSet[NativeLoader] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    # Before the interpreter goes: threads that allocate batch memory through Python must not find it gone.
    # All are told before any is waited for: what each may wait for is a read that never returns.
    loaders = list(_live)
    for loader in loaders:
        loader.begin_close()
    for loader in loaders:
        loader.close()


class NativeLoader:
    """Runs plans on the C++ core.

    The core (threads, chunk cache, batch memory) starts with the first plan and lives until :meth:`close`. A forked
    child, which inherits no threads, starts its own. Worker processes run the Python part of batches, where there is
    one and ``num_workers`` asks for them.

    Attributes:
        next_epoch: Knows which epoch follows, where somebody tells it.
    """

    def __init__(self, samples: Samples, options: LoaderOptions, collate: Callable[[list[Any]], Any] | None) -> None:
        self._samples = samples
        self._options = options
        self._collate = collate
        self._core: _core.Loader | None = None
        self._pid = os.getpid()
        self._closed = False
        # Keys whose samples the core reads, and what its arrays hold; those that Python reads beside it.
        self._dtypes = samples.core_dtypes
        self._in_python = {key: reading for key, reading in samples.readings.items() if reading.route == "python"}
        self._native = samples.program.native
        self._caches = cache_arguments(samples.source, options)
        self._places: tuple[int, int, _core.EpochPlaces] | None = None
        self._python = PythonPart(samples, collate) if self._per_sample else None
        self._finish = Finisher(samples, self._python, pin_memory=options.pin_memory)
        self._starting = ForkLock()
        #: Of the sets below, and of what is counted: threads may iterate at the same time. Never held for long.
        self._noting = ForkLock()
        self._arena_pid = os.getpid()
        self._arena: Arena | None = None
        self._idle_pool: WorkerPool | None = None
        self._pools: weakref.WeakSet[WorkerPool] = weakref.WeakSet()
        self._runs: weakref.WeakSet[PooledRun] = weakref.WeakSet()
        self._waited_seconds = 0.0
        self.next_epoch = NextEpoch()
        self._memory = MemoryLimit(options.memory_limit, samples.source.path)
        _live.add(self)

    def run(self, plan: Plan) -> Generator[Any, None, None]:
        """Yields the plan's batches in order."""
        if self._uses_workers:
            yield from self._run_in_workers(plan)
            return
        self._check_open()
        run = self._started_run(plan)
        beside = self._columns_beside(run)
        # The user's code runs in a thread of its own only where its time is limited.
        timed = self._options.timeout and self._python is not None
        thread = DaemonPool(1, "penstock-load", "timeout") if timed else None
        ended = False
        try:
            for columns in beside:
                end = time.monotonic() + self._options.timeout
                loaded = run.next(functools.partial(self._next, timeout=self._options.timeout))
                if loaded is None:
                    break
                if run.left <= run.prefetch:
                    self._begin_next(run)
                if self._options.timeout and columns:
                    self._wait_beside(columns, end)
                make = functools.partial(self._finish, *loaded, columns, plan.epoch)
                yield make() if thread is None else self._in_time(thread, end, make)
                del loaded, make
            ended = True
            self.next_epoch.ended()
        finally:
            run.close()
            if not ended:
                self.next_epoch.close()
            if thread is not None:
                thread.close()
            beside.close()

    def _started_run(self, plan: Plan) -> CoreRun:
        def start(segment: Segment, after: _core.Epoch | None) -> _core.Epoch:
            core, seed = self._started(), self._samples.seed
            begun = None if after is not None else self.next_epoch.take(plan.epoch, segment, seed)
            return begun or core.start(
                segment.order, segment.ends, seed, plan.epoch, after, self._places_in(plan.epoch)
            )

        return CoreRun(plan.segments(), start)

    def _begin_next(self, run: CoreRun) -> None:
        def start(segment: Segment, epoch: int) -> _core.Epoch:
            core, seed = self._started(), self._samples.seed
            return core.start(segment.order, segment.ends, seed, epoch, run.last, self._places_in(epoch))

        self.next_epoch.begin(self._samples.seed, start)

    def _places_in(self, epoch: int) -> _core.EpochPlaces | None:
        """The places of items in an epoch, where a step of the core looks for what came before."""
        if self._native is None or self._native.epoch_order is None:
            return None
        seed = self._samples.seed
        if self._places is None or self._places[:2] != (seed, epoch):
            self._places = (seed, epoch, require_native().EpochPlaces(self._native.epoch_order(seed, epoch)))
        return self._places[2]

    def _columns_beside(self, run: CoreRun) -> Generator[Columns, None, None]:
        return read_columns(
            self._in_python,
            run.batches(),
            threads=self._options.num_threads,
            ahead=self._options.prefetch_factor,
        )

    def _run_in_workers(self, plan: Plan) -> Generator[Any, None, None]:
        # Before the core's threads start, if this is the first run: a forked child is better made without threads.
        pool = self._take_pool()
        core: CoreRun | None = None
        run: PooledRun | None = None
        try:
            core = self._started_run(plan)
            run = PooledRun(pool, functools.partial(core.next, self._next), plan.epoch)
            with self._noting:
                self._runs.add(run)
            for batch in run:
                yield pinned(batch) if self._options.pin_memory else batch
                del batch
        finally:
            if core is not None:
                core.close()
            self._put_pool(pool)
            if run is not None:
                run.close()
                with self._noting:
                    self._runs.discard(run)
                    self._waited_seconds += run.wait_seconds
                self._finish.add(run.work_seconds)

    def _take_pool(self) -> WorkerPool:
        self._check_open()
        with self._noting:
            pool, self._idle_pool = self._idle_pool, None
        if pool is not None and pool.usable:
            return pool
        assert self._python is not None
        self._samples.seed  # noqa: B018  # drawn here and now: each worker would draw its own
        options = self._options
        with self._starting:
            if self._arena is None or self._arena_pid != os.getpid():
                self._arena_pid = os.getpid()
                self._arena = Arena(options.prefetch_factor * (options.num_workers + 1) + 2)
        logger.info("penstock: %d worker processes for the Python part", options.num_workers)
        pool = WorkerPool(self._python, options, self._arena)
        with self._noting:
            self._pools.add(pool)
        return pool

    def _put_pool(self, pool: WorkerPool) -> None:
        with self._noting:
            keep = self._options.persistent_workers and pool.usable and not self._closed and self._idle_pool is None
            if keep:
                self._idle_pool = pool
        if not keep:
            pool.close()

    def stats(self) -> dict[str, float]:
        """Counters since the first plan; see :meth:`penstock.DataLoader.stats`."""
        if self._core is None or self._pid != os.getpid():
            return dict.fromkeys(require_native().STATS, 0.0) | {"python_seconds": 0.0}
        stats = {**self._core.stats(), "python_seconds": self._finish.seconds}
        if self._uses_workers:  # the core sees the thread wait that feeds them
            with self._noting:
                running = list(self._runs)
            stats["wait_seconds"] = self._waited_seconds + sum(run.wait_seconds for run in running)
            stats["python_seconds"] += sum(run.work_seconds for run in running)
        return stats

    def begin_close(self) -> None:
        """Tells the core's threads to end, and does not wait for them."""
        self._closed = True
        if self._pid == os.getpid() and self._core is not None:
            self._core.begin_stop()

    def close(self) -> None:
        """Stops threads and worker processes. Idempotent. What does not end within three quarters of a second, a read
        that never returns, is left to itself."""
        self._closed = True
        if self._pid != os.getpid():
            return
        self.next_epoch.close()
        if self._core is not None:
            self._core.stop()
        with self._noting:
            pools, runs = list(self._pools), list(self._runs)
        for pool in pools:
            pool.close()
        for run in runs:
            run.stop()
        if self._arena is not None:
            self._arena.trim()

    def __getstate__(self) -> dict[str, Any]:
        return {"_samples": self._samples, "_options": self._options, "_collate": self._collate}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_samples"], state["_options"], state["_collate"])  # type: ignore[misc]

    def _check_open(self) -> None:
        if self._closed:
            raise LoaderClosedError("the loader is closed", path=self._samples.source.path)

    def _started(self) -> _core.Loader:
        self._check_open()
        with self._starting:
            if self._pid != os.getpid():
                self._pid, self._core = os.getpid(), None  # the core is the parent's
            if self._core is None:
                self._core = self._start()
            core = self._core
        if self._closed:  # in between, by another thread, which had no core to stop
            core.stop()
            self._check_open()
        return core

    def _start(self) -> _core.Loader:
        native = require_native()
        options = self._options
        sources = [tensor_source(native, self._samples.readings[key]) for key in self._dtypes]
        if self._in_python:
            logger.info("penstock: %s: read by Python threads", ", ".join(self._in_python))
        logger.info("penstock: %d decoding threads", options.num_threads)
        warn_of_too_many(options.num_threads, options.num_workers if self._uses_workers else 0)
        loader: _core.Loader = native.Loader(
            store=native_store(self._samples.source),
            sources=sources,
            threads=options.num_threads,
            prefetch=options.prefetch_factor,
            prefetch_samples=SAMPLES_A_THREAD * options.num_threads,
            cache_bytes=options.chunk_cache_bytes,
            read_ahead_bytes=self._read_ahead_bytes,
            memory_limit=self._memory.limit,
            allocate=self._allocate(),
            detection=None if self._native is None else self._detection(native, self._native),
            **self._caches,
        )
        return loader

    @property
    def _read_ahead_bytes(self) -> int:
        if self._options.read_ahead_bytes is not None:
            return self._options.read_ahead_bytes
        return _REMOTE_READ_AHEAD if self._samples.source.is_remote else _LOCAL_READ_AHEAD

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
            partner_steps=part.partner_steps,
        )

    def _mask_source(self, part: NativePart) -> tuple[int, str | None, bool] | None:
        """Number of the masks' tensor, dtype of its polygons if it holds such, whether bitmaps are made of them."""
        if part.masks is None:
            return None
        tensor = self._samples.tensors[part.masks]
        dtype = None if tensor.value_format is None else str(tensor.dtype)
        return list(self._dtypes).index(part.masks), dtype, part.bitmaps

    def _allocate(self) -> Callable[[int], tuple[int, object]] | None:
        """Where batch memory comes from; None: from the core itself."""
        if self._uses_workers:
            assert self._arena is not None
            return self._arena.allocate
        return _allocate_pinned if self._pins_slabs else None

    @property
    def _per_sample(self) -> bool:
        """Whether Python sees single samples; else batches go out as the core made them."""
        if self._native is not None and self._native.complete is not None:
            return False
        return self._samples.program.python or self._collate is not None

    @property
    def _uses_workers(self) -> bool:
        return self._python is not None and self._options.num_workers > 0

    @property
    def _pins_slabs(self) -> bool:
        return self._options.pin_memory and not self._per_sample

    def _in_time(self, thread: DaemonPool, end: float, make: Callable[[], Any]) -> Any:
        """``make()`` in another thread; raises where it is not done by ``end``."""
        try:
            return thread.result_within(
                max(0.0, end - time.monotonic()),
                make,
                timeout=self._options.timeout,
                where="the batch is read and decoded, and Python's part of it, transform or collate_fn, has not "
                "returned",
                hint="see what the transform waits for (num_workers runs it in processes)",
            )
        except LoaderTimeoutError:
            pass_over(thread.idents)
            raise

    def _wait_beside(self, columns: Columns, end: float) -> None:
        reads = [read for samples in columns.values() for read in samples]
        if concurrent.futures.wait(reads, max(0.0, end - time.monotonic())).not_done:
            late = [key for key, samples in columns.items() if not all(read.done() for read in samples)]
            raise timed_out(
                self._options.timeout,
                f"samples that Python's threads read have not come: {', '.join(late)}",
                "see whether their storage answers",
            )

    def _next(self, epoch: _core.Epoch, timeout: float = 0) -> tuple[Any, list[_core._TensorBatch], Any] | None:
        try:
            loaded = epoch.next(timeout)
            self._memory.check(self._core)
            return loaded
        except PenstockError as error:
            self._samples.source.place(error)
            raise


def _allocate_pinned(size: int) -> tuple[int, torch.Tensor]:
    """Pinned memory from torch's caching host allocator. It gives memory out again only when copies to a device that
    read from it are done, which nobody else could know: that is why slabs of this kind are not kept by the core."""
    memory = torch.empty(size, dtype=torch.uint8, pin_memory=True)
    return memory.data_ptr(), memory
