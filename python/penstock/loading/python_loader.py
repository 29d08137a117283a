"""The pure-Python loader behind :class:`penstock.DataLoader`: torch's own, over
:class:`~penstock.loading.samples.Samples`.
"""

from __future__ import annotations

import atexit
import functools
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import torch.utils.data

from penstock.dataset.lake4 import prepare_for_fork
from penstock.errors import LoaderClosedError, timed_out
from penstock.loading.disk_cache import disk_cache_of
from penstock.loading.options import LoaderOptions
from penstock.loading.plan import EpochPlan
from penstock.loading.samples import Samples
from penstock.loading.workers.worker import GRACE
from penstock.threads import DaemonPool

__all__ = ["PythonLoader"]

_live: weakref.WeakSet[PythonLoader] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    # torch would wait five seconds for each worker process whose read does not return.
    for loader in list(_live):
        loader.close()


class _PlannedBatches(torch.utils.data.Sampler[list[tuple[int, int]]]):
    """The batch sampler of a torch loader that outlives single epochs: it follows the plan that is set."""

    def __init__(self) -> None:
        self.plan = EpochPlan.of_batches(0, [], 0, 0)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        return self.plan.keys()

    def __len__(self) -> int:
        return len(self.plan) - self.plan.first


class PythonLoader:
    """Runs plans on a ``torch.utils.data.DataLoader``."""

    def __init__(self, samples: Samples, options: LoaderOptions, collate: Callable[[list[Any]], Any] | None) -> None:
        disk_cache_of(samples.source, options.cache_dir, options.cache_size, native=False)
        self._samples, self._options, self._collate = samples, options, collate
        self._batches = _PlannedBatches()
        self._path = samples.source.path
        self._timeout = options.timeout
        self._pid = os.getpid()
        self._closed = False
        self._starting = threading.Lock()
        self._iterators: weakref.WeakSet[Any] = weakref.WeakSet()
        self._counts = {"samples": 0.0, "batches": 0.0, "wait_seconds": 0.0}
        workers = options.num_workers > 0
        self._inner: torch.utils.data.DataLoader[Any] = torch.utils.data.DataLoader(
            samples,
            batch_sampler=self._batches,
            collate_fn=collate or samples.collate,
            num_workers=options.num_workers,
            prefetch_factor=options.prefetch_factor if workers else None,
            persistent_workers=options.persistent_workers and workers,
            pin_memory=options.pin_memory,
            timeout=options.timeout if workers else 0,  # torch counts it there only
            worker_init_fn=options.worker_init_fn,
            multiprocessing_context=options.multiprocessing_context if workers else None,
            # Workers' own seeds come from here: torch's global generator stays where the user left it.
            generator=torch.Generator(),
        )
        _live.add(self)

    def run(self, plan: EpochPlan) -> Iterator[Any]:
        """Yields the plan's batches in order."""
        self._check_open()
        with self._starting:
            self._batches.plan = plan
            if self._inner.num_workers:
                prepare_for_fork()
            batches = iter(self._inner)
        self._iterators.add(batches)
        thread = DaemonPool(1, "penstock-load", "timeout") if self._timeout and not self._inner.num_workers else None
        try:
            for indices in plan.batches():
                start = time.perf_counter()
                batch = self._next(batches, thread)
                self._counts["wait_seconds"] += time.perf_counter() - start
                self._counts["samples"] += len(indices)
                self._counts["batches"] += 1
                yield batch
        finally:
            if thread is not None:
                thread.close()
            if not self._inner.persistent_workers or self._closed:
                self._end(batches)

    def _next(self, batches: Iterator[Any], thread: DaemonPool | None) -> Any:
        self._check_open()
        if thread is not None:
            return thread.result_within(self._timeout, functools.partial(next, batches))
        try:
            return next(batches)
        except RuntimeError as error:
            if self._timeout and str(error).startswith(f"DataLoader timed out after {self._timeout} seconds"):
                raise timed_out(self._timeout) from None
            if self._closed:
                self._check_open()
            raise
        except BaseException:
            if self._closed:  # the worker processes were ended meanwhile
                self._check_open()
            raise

    def _end(self, batches: Any) -> None:
        """Ends an iterator's worker processes."""
        workers = getattr(batches, "_workers", ())
        if not workers or self._pid != os.getpid():
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
        return dict(self._counts)

    def close(self) -> None:
        """Stops worker processes. Idempotent; iterating afterwards raises."""
        self._closed = True
        for batches in list(self._iterators):
            self._end(batches)

    def __getstate__(self) -> dict[str, Any]:
        return {"_samples": self._samples, "_options": self._options, "_collate": self._collate}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_samples"], state["_options"], state["_collate"])  # type: ignore[misc]


def _terminate(workers: Any) -> None:
    for worker in list(workers):
        if worker.is_alive():
            worker.terminate()
