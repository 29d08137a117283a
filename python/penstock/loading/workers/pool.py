"""The worker processes, and the batches under way to them."""

from __future__ import annotations

import itertools
import multiprocessing
import multiprocessing.connection
import os
import time
import weakref
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from penstock.dataset.lake4 import prepare_for_fork
from penstock.errors import LoaderClosedError, WorkerError
from penstock.loading.options import LoaderOptions
from penstock.loading.workers.arena import Arena
from penstock.loading.workers.process import Part, Setting
from penstock.loading.workers.transport import Reply, Task
from penstock.loading.workers.waiting import Ended, Wake
from penstock.loading.workers.worker import GRACE, Worker

__all__ = ["Loaded", "WorkerPool"]

#: One batch of the core: indices, memory and shapes of its tensors, metas.
Loaded = tuple[Any, Sequence[Any], Any]


class WorkerPool:
    """Processes that run the Python part of batches.

    Args:
        part: What they do.
        options: Of the loader.
        shared: Holds the batches of the core.

    Attributes:
        sound: All workers live and answer.
    """

    def __init__(self, part: Part, options: LoaderOptions, shared: Arena) -> None:
        context = options.multiprocessing_context
        if context is None or isinstance(context, str):
            context = multiprocessing.get_context(context)
        self.options = options
        self.shared = shared
        self.sound = True
        self._pid = os.getpid()
        self._runs = itertools.count()
        self._leases = itertools.count()
        self._workers: list[Worker] = []
        self._finalizer = weakref.finalize(self, _end, self._pid, self._workers)
        prepare_for_fork()
        try:
            for number in range(options.num_workers):
                setting = Setting(number, self._pid, part, options.worker_init_fn, options.prefetch_factor + 2)
                self._workers.append(Worker(context, setting, shared))
        except BlockingIOError as error:  # fork: no process left, or no memory
            self.close()
            raise WorkerError(
                f"the system gave {len(self._workers)} of {options.num_workers} worker processes ({error.strerror})",
                hint="Lower num_workers, or raise the limit on processes (ulimit -u)",
            ) from error
        except BaseException:
            self.close()
            raise

    @property
    def usable(self) -> bool:
        """Whether another run may use it, in this process."""
        return self.sound and self._pid == os.getpid() and self._finalizer.alive

    def close(self) -> None:
        """Ends the processes. Idempotent, safe from any thread; a thread that waits for a batch gets an error."""
        self.sound = False
        self._finalizer()

    def next_run(self) -> int:
        """A number for an iteration: results of earlier ones, which nobody waits for, are told apart by it."""
        return next(self._runs)

    def submit(self, run: int, number: int, epoch: int, loaded: Loaded) -> None:
        """Gives a batch to the worker that has least to do. One thread at a time.

        Raises:
            OSError: A worker has ended.
        """
        indices, tensors, metas = loaded
        worker = min(self._workers, key=lambda one: len(one.outstanding))
        leases = {next(self._leases): memory for memory, *_ in tensors}
        places = []
        for lease, (memory, offsets, shapes, stacked) in zip(leases, tensors, strict=True):
            offset = self.shared.find(memory)
            assert offset is not None
            places.append((lease, offset, memory.size, offsets, shapes, stacked))
        worker.send(Task(run, number, epoch, indices.tolist(), metas, places, worker.take_returned()), leases)

    def receive(self, wake: Wake, timeout: float | None) -> list[tuple[Reply, Worker]]:
        """Waits for replies, or until ``wake`` is set, or for ``timeout`` seconds.

        Raises:
            WorkerError: A worker has died.
            LoaderClosedError: The pool was closed.
        """
        connections: dict[Any, Worker] = {worker.connection: worker for worker in self._workers}
        ends: dict[Any, Worker] = {worker.ended: worker for worker in self._workers}
        if not self.sound:
            raise LoaderClosedError("the loader was closed while a batch was being waited for")
        objects: list[Any] = [*connections, *ends, wake]
        ready = multiprocessing.connection.wait(objects, timeout)
        replies = []
        for one in ready:
            if isinstance(one, Connection):
                worker = connections[one]
                try:
                    reply = worker.receive()
                except (EOFError, ConnectionError):
                    raise self._death(worker) from None
                if reply is not None:
                    replies.append((reply, worker))
        for one in ready:
            # What it still had to say comes first: why it could not begin.
            if isinstance(one, Ended) and not replies and ends[one].connection not in ready:
                raise self._death(ends[one])
        return replies

    def _death(self, worker: Worker) -> Exception:
        if not self.sound:
            return LoaderClosedError("the loader was closed while a batch was being waited for")
        self.sound = False
        batch = next(iter(worker.outstanding.values()), None)
        return WorkerError(
            f"worker process {worker.number} (pid {worker.process.pid}) {worker.how_it_ended()}"
            + ("" if batch is None else f" while it had the batch of the samples {_few(batch)}"),
            hint="Its own output may say why; num_workers=0 runs the transform in this process",
        )


def _end(owner: int, workers: list[Worker]) -> None:
    """Ends processes that this one has started: a forked child leaves them alone."""
    if os.getpid() != owner:
        return
    for worker in workers:
        worker.hang_up()
    end = time.monotonic() + GRACE
    for worker in workers:
        worker.process.join(max(0.0, end - time.monotonic()))
    for force in ("terminate", "kill"):
        alive = [worker.process for worker in workers if worker.process.is_alive()]
        for process in alive:
            getattr(process, force)()
        end = time.monotonic() + GRACE / 2
        for process in alive:
            process.join(max(0.0, end - time.monotonic()))


def _few(indices: Sequence[int]) -> str:
    shown = ", ".join(map(str, indices[:8]))
    return shown if len(indices) <= 8 else f"{shown}, ..."
