"""The pure-Python loader behind :class:`penstock.DataLoader`: torch's own, over
:class:`~penstock.loading.samples.Samples`.
"""

from __future__ import annotations

import atexit
import functools
import os
import select
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

import torch.utils.data

from penstock.dataset.lake4 import prepare_for_fork
from penstock.errors import LoaderClosedError, LoaderTimeoutError, timed_out
from penstock.loading.coefficients import coefficient_cache_of
from penstock.loading.disk_cache import disk_cache_of
from penstock.loading.options import LoaderOptions
from penstock.loading.plan import EpochPlan, Plan
from penstock.loading.samples import Samples
from penstock.loading.seeded_globals import pass_over
from penstock.loading.workers.one_thread import OneThreadEach
from penstock.loading.workers.transport import Failure
from penstock.loading.workers.worker import GRACE
from penstock.locks import ForkLock
from penstock.threads import DaemonPool

__all__ = ["PythonLoader"]

_live: weakref.WeakSet[PythonLoader] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    # torch would wait five seconds for each worker process whose read does not return.
    for loader in list(_live):
        loader.close()


#: Of a batch that does not come; one thread or process reads, decodes and transforms it.
_STUCK = "Python has not read, decoded and transformed the batch"
_HELP = "see whether the storage answers and what the transform waits for"


class _PlannedBatches(torch.utils.data.Sampler[list[tuple[int, int]]]):
    """The batch sampler of a torch loader that outlives single epochs: it follows the plan that is set.

    Attributes:
        plan: The plan.
        sizes: Takes the size of each batch that is drawn.
    """

    def __init__(self) -> None:
        self.plan: Plan = EpochPlan.of_batches(0, [], 0)
        self.sizes: deque[int] = deque()

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        # Here and now, not with the first batch: another thread may set another plan.
        return _counted(self.plan, self.sizes)


def _counted(plan: Plan, sizes: deque[int]) -> Iterator[list[tuple[int, int]]]:
    for keys in plan.keyed_batches():
        sizes.append(len(keys))
        yield keys


@dataclass(frozen=True)
class _Caught:
    """The samples for worker processes: an error comes out as what it was, which torch's own way keeps the text of."""

    samples: Samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitems__(self, keys: list[tuple[int, int]]) -> Any:
        try:
            return [self.samples[key] for key in keys]
        except Exception as error:
            return Failure(error)


@dataclass(frozen=True)
class _Collated:
    """Puts batches together in worker processes."""

    collate: Callable[[list[Any]], Any]

    def __call__(self, samples: Any) -> Any:
        if isinstance(samples, Failure):
            return samples
        try:
            return self.collate(samples)
        except Exception as error:
            return Failure(error)


class _WorkerStart:
    """What a worker process does first. It ends with the process that takes its batches, however that ends: torch's
    looks for it every five seconds.

    Attributes:
        consumer: The process that takes the batches.
    """

    def __init__(self, init: Callable[[int], None] | None) -> None:
        self.consumer = os.getpid()
        self._init = init

    def __call__(self, number: int) -> None:
        threading.Thread(target=_end_with, args=(self.consumer,), name="penstock-watch", daemon=True).start()
        if self._init is not None:
            self._init(number)


def _end_with(process: int) -> None:
    try:
        descriptor = os.pidfd_open(process)
    except OSError:  # before Linux 5.3, or it has ended already, which torch sees
        return
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.poll()
    os._exit(1)


class PythonLoader:
    """Runs plans on a ``torch.utils.data.DataLoader``."""

    def __init__(self, samples: Samples, options: LoaderOptions, collate: Callable[[list[Any]], Any] | None) -> None:
        disk_cache_of(samples.source, options.cache_dir, options.cache_size, native=False)
        coefficient_cache_of(samples.source, options.cache, options.cache_bytes, options.cache_dir, native=False)
        self._samples, self._options, self._collate = samples, options, collate
        self._path = samples.source.path
        self._timeout = options.timeout
        self._pid = os.getpid()
        self._closed = False
        self._starting = ForkLock()
        #: Of what is noted and counted: threads may iterate at the same time. Never held for long.
        self._noting = ForkLock()
        self._iterators: weakref.WeakSet[Any] = weakref.WeakSet()
        self._counts = {"samples": 0.0, "batches": 0.0, "wait_seconds": 0.0}
        self._inner = self._torch_loader(persistent=options.persistent_workers)
        self._inner_runs = False
        _live.add(self)

    def _torch_loader(self, *, persistent: bool) -> torch.utils.data.DataLoader[Any]:
        options = self._options
        workers = options.num_workers > 0
        collate = self._collate or self._samples.collate
        dataset: Any = _Caught(self._samples) if workers else self._samples
        return torch.utils.data.DataLoader(
            dataset,
            batch_sampler=_PlannedBatches(),
            collate_fn=_Collated(collate) if workers else collate,
            num_workers=options.num_workers,
            prefetch_factor=options.prefetch_factor if workers else None,
            persistent_workers=persistent and workers,
            pin_memory=options.pin_memory,
            timeout=options.timeout if workers else 0,  # torch counts it there only
            worker_init_fn=_WorkerStart(OneThreadEach(options.worker_init_fn)) if workers else None,
            multiprocessing_context=options.multiprocessing_context if workers else None,
            # Workers' own seeds come from here: torch's global generator stays where the user left it.
            generator=torch.Generator(),
        )

    def run(self, plan: Plan) -> Generator[Any, None, None]:
        """Yields the plan's batches in order."""
        self._check_open()
        with self._starting:
            # Persistent workers serve one run at a time.
            own = self._inner.persistent_workers and self._inner_runs
            inner = self._torch_loader(persistent=False) if own else self._inner
            self._inner_runs = self._inner_runs or not own
            planned: Any = inner.batch_sampler
            planned.plan = plan
            sizes: deque[int] = deque()
            planned.sizes = sizes
            if inner.num_workers:
                started: Any = inner.worker_init_fn
                started.consumer = os.getpid()
                prepare_for_fork()
            batches = iter(inner)
        with self._noting:
            self._iterators.add(batches)
        thread = DaemonPool(1, "penstock-load", "timeout") if self._timeout and not inner.num_workers else None
        try:
            while True:
                start = time.perf_counter()
                try:
                    batch = self._next(batches, thread)
                except StopIteration as end:
                    if sizes:  # of a batch that was drawn
                        raise RuntimeError("collate_fn raised StopIteration") from end
                    return
                if isinstance(batch, Failure):
                    raise batch.exception()
                with self._noting:
                    self._counts["wait_seconds"] += time.perf_counter() - start
                    self._counts["samples"] += sizes.popleft()
                    self._counts["batches"] += 1
                yield batch
        finally:
            if thread is not None:
                thread.close()
            if not own:
                self._inner_runs = False
            if not inner.persistent_workers or self._closed:
                self._end(batches)

    def _next(self, batches: Iterator[Any], thread: DaemonPool | None) -> Any:
        self._check_open()
        if thread is not None:
            try:
                return thread.result_within(self._timeout, functools.partial(next, batches), where=_STUCK, hint=_HELP)
            except LoaderTimeoutError:
                pass_over(thread.idents)
                raise
        try:
            return next(batches)
        except RuntimeError as error:
            if self._timeout and str(error).startswith(f"DataLoader timed out after {self._timeout} seconds"):
                raise timed_out(self._timeout, _STUCK, _HELP) from None
            if self._closed:
                self._check_open()
            raise
        except BaseException:
            if self._closed:  # the worker processes were ended meanwhile
                self._check_open()
            raise

    def _end(self, batches: Any) -> None:
        """Ends an iterator's worker processes, once."""
        workers = getattr(batches, "_workers", ())
        if not workers or self._pid != os.getpid() or batches not in self._iterators:
            return
        self._iterators.discard(batches)
        if sys.is_finalizing():
            _terminate(workers)  # a thread would never start
            return
        # torch waits five seconds for each that does not come back from a read.
        timer = threading.Timer(GRACE, _terminate, [workers])
        timer.daemon = True
        timer.start()
        try:
            batches._shutdown_workers()
        finally:
            timer.cancel()

    def _check_open(self) -> None:
        if self._closed:
            raise LoaderClosedError("the loader is closed", path=self._path)

    def stats(self) -> dict[str, float]:
        """Counters since the start; see :meth:`penstock.DataLoader.stats`."""
        with self._noting:
            return dict(self._counts)

    def close(self) -> None:
        """Stops worker processes. Idempotent; iterating afterwards raises."""
        self._closed = True
        with self._noting:
            iterators = list(self._iterators)
        for batches in iterators:
            self._end(batches)

    def __getstate__(self) -> dict[str, Any]:
        return {"_samples": self._samples, "_options": self._options, "_collate": self._collate}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_samples"], state["_options"], state["_collate"])  # type: ignore[misc]


def _terminate(workers: Any) -> None:
    for worker in list(workers):
        if worker.is_alive():
            worker.terminate()
