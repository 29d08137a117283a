"""An iteration over a pool of worker processes."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from penstock.errors import LoaderTimeoutError, timed_out
from penstock.loading.workers.pool import Loaded, WorkerPool
from penstock.loading.workers.transport import Failure, Reply
from penstock.loading.workers.waiting import Wake
from penstock.loading.workers.worker import GRACE, Worker
from penstock.threads import start_thread
from penstock.traces.recorder import PythonSpan, recording

__all__ = ["PooledRun"]


class PooledRun:
    """One iteration over a pool: a thread takes batches from the core and hands them to workers, results come out in
    order.

    Args:
        pool: The workers; one run at a time.
        take: Gives the core's next batch.
        epoch: The epoch.

    Attributes:
        work_seconds: What the workers needed for the batches so far.
        wait_seconds: What the consumer has waited for them.
    """

    def __init__(self, pool: WorkerPool, take: Callable[[], Loaded | None], epoch: int) -> None:
        self.work_seconds = 0.0
        self.wait_seconds = 0.0
        self._pool = pool
        self._take = take
        self._epoch = epoch
        self._run = pool.next_run()
        self._room = threading.Semaphore(pool.options.num_workers * pool.options.prefetch_factor)
        #: None after the last batch.
        self._results: dict[int, _Batch | BaseException | None] = {}
        self._over = False
        self._submitted = 0
        self._wake = Wake()
        self._thread = threading.Thread(target=self._feed, name="penstock-feed", daemon=True)

    def __iter__(self) -> Iterator[Any]:
        start_thread(self._thread)
        for number in itertools.count():
            start = time.perf_counter()
            result = self._wait_for(number)
            if result is None:
                return
            self.wait_seconds += time.perf_counter() - start
            self._room.release()
            if isinstance(result, BaseException):
                raise result
            batch = result.value
            del result
            yield batch
            # Its memory is free for the next one as soon as the consumer lets go of it.
            del batch

    def stop(self) -> None:
        """Stops the thread; the core's epoch has to be closed before, and the pool if it is not used again. Idempotent,
        safe from any thread."""
        self._over = True
        self._room.release()
        # The garbage collector may end an iteration on any thread.
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(GRACE)  # longer only where a worker hangs that is kept

    def close(self) -> None:
        """Ends the iteration: :meth:`stop`, and batches under way come to nothing."""
        self.stop()
        self._results.clear()

    def _feed(self) -> None:
        for number in itertools.count():
            self._room.acquire()
            try:
                loaded = None if self._over else self._take()
            except BaseException as error:
                self._results[number] = error
                self._wake.set()
                return
            if loaded is None:
                self._results[number] = None
                self._wake.set()
                return
            try:
                self._pool.submit(self._run, number, self._epoch, loaded)
                self._submitted = number + 1
            except OSError:
                return  # a worker has died, or the pool was closed, which the consumer sees
            del loaded

    def _wait_for(self, number: int) -> _Batch | BaseException | None:
        limit = self._pool.options.timeout
        end = time.monotonic() + limit if limit else None
        while number not in self._results:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise self._timed_out(number, limit)
            for reply, worker in self._pool.receive(self._wake, left):
                self._sort(reply, worker)
            self._wake.clear()
        return self._results.pop(number)

    def _timed_out(self, number: int, limit: float) -> LoaderTimeoutError:
        if number < self._submitted:
            return timed_out(
                limit,
                "a worker process has the batch, and its transform or collate_fn has not returned",
                "see what the transform waits for",
            )
        return timed_out(
            limit,
            "no worker process has the batch yet: it is being read or decoded",
            "see whether the storage answers",
        )

    def _sort(self, reply: Reply, worker: Worker) -> None:
        if reply.run is None:
            assert isinstance(reply.result, Failure)
            raise reply.result.exception()
        if reply.run != self._run:
            worker.drop(reply)  # of an iteration that was left
            return
        if isinstance(reply.result, Failure):
            self._results[reply.number] = reply.result.exception()
        else:
            self._results[reply.number] = _Batch(worker.batch(reply.result, self._pool.shared))
        worker.settle(reply)
        self.work_seconds += reply.seconds
        if (recorder := recording()) is not None:
            facts: dict[str, int | str] = {"epoch": self._epoch, "batch": reply.number}
            done = PythonSpan("python", worker.process.pid or 0, reply.started, round(reply.seconds * 1e9), facts)
            recorder.add(done, worker.process.name)


@dataclass(frozen=True)
class _Batch:
    """Tells a batch, whatever it is, from an error."""

    value: Any
