"""The consumer's side of the worker processes."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import multiprocessing.connection
import os
import signal
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

from penstock.errors import LoaderClosedError, WorkerError
from penstock.options import LoaderOptions
from penstock.python_part import PythonPart
from penstock.workers.arena import Arena, Bytes
from penstock.workers.process import Setting, work
from penstock.workers.transport import Failure, Packed, Reply, Task, unpack

__all__ = ["PooledRun", "WorkerPool"]

#: One batch of the core: indices, memory and shapes of its tensors, metas.
Loaded = tuple[Any, Sequence[Any], Any]

#: Seconds that a worker has to end the batch it works on, once it is not wanted any more.
_GRACE = 5.0


class _Worker:
    """One process, and what it holds of the consumer's memory and the consumer of its.

    Note [Leases]: the worker looks at the core's batches where they lie. Usually it is done with a batch when it
    answers, but a transform may keep an image, to mix it into a later one. So the memory of a batch is leased until the
    worker says that no array over it is left there.
    """

    def __init__(self, context: Any, setting: Setting, shared: Arena) -> None:
        self.number = setting.number
        self.connection, theirs = context.Pipe(duplex=True)
        inherited = self.connection if context.get_start_method() == "fork" else None
        self.process = context.Process(
            target=work, args=(theirs, inherited, setting), name=f"penstock-worker-{self.number}", daemon=True
        )
        self.process.start()
        theirs.close()
        self.ended = _Ended(self.process)
        # A process that has died already is found out by the first wait.
        with contextlib.suppress(ConnectionError):
            reduction.send_handle(self.connection, shared.descriptor, self.process.pid)
        self.memory: Arena | None = None
        self.outstanding: dict[tuple[int | None, int], list[int]] = {}
        self.leases: dict[int, Bytes] = {}
        self.returned: list[int] = []

    def send(self, task: Task, leases: dict[int, Bytes]) -> None:
        self.outstanding[task.run, task.number] = task.indices
        self.leases.update(leases)
        self.connection.send(task)

    def take_returned(self) -> list[int]:
        """Offsets of results that nobody uses any more. Arrays may die while this runs: none may be lost."""
        count = len(self.returned)
        offsets = self.returned[:count]
        del self.returned[:count]
        return offsets

    def receive(self) -> Reply | None:
        """The next reply, which :meth:`settle` has to follow; None: its memory came, which is the first that comes.
        Raises EOFError, ConnectionError: The process has ended."""
        if self.memory is None:
            self.memory = Arena(descriptor=reduction.recv_handle(self.connection))
            return None
        reply: Reply = self.connection.recv()
        return reply

    def batch(self, packed: Packed, shared: Arena) -> Any:
        """The batch, over the memory where it lies: the core's, or a piece of the worker's, which the worker gets back
        when all arrays over it have died."""
        piece = self._piece(packed)

        def leased(start: int, size: int) -> Bytes:
            # What comes back in the core's memory is leased, be it from an earlier batch: see Note [Leases].
            for memory in self.leases.values():
                offset = shared.find(memory)
                if offset is not None and offset <= start and start + size <= offset + memory.size:
                    return memory[start - offset : start - offset + size]
            raise AssertionError("a worker refers to memory that it does not hold")

        return unpack(packed, piece, leased)

    def settle(self, reply: Reply) -> None:
        """Takes back what the worker has no use for any more."""
        for lease in reply.released:
            self.leases.pop(lease, None)
        self.outstanding.pop((reply.run, reply.number), None)

    def drop(self, reply: Reply) -> None:
        """Settles a reply that nobody waits for."""
        if isinstance(reply.result, Packed):
            self._piece(reply.result)
        self.settle(reply)

    def _piece(self, packed: Packed) -> Bytes | None:
        if packed.memory is None:
            return None
        assert self.memory is not None
        piece = self.memory.view(packed.memory, packed.size)
        weakref.finalize(piece, self.returned.append, packed.memory).atexit = False
        return piece

    def hang_up(self) -> None:
        """Ends the connection, whoever has a copy of it: the worker and waiting threads see that."""
        try:
            with socket.fromfd(self.connection.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as ours:
                ours.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has ended already

    def how_it_ended(self) -> str:
        self.process.join(_GRACE)
        code = self.process.exitcode
        if code is None or code >= 0:
            return f"ended with exit code {code}"
        return f"was killed by {signal.Signals(-code).name}"


class WorkerPool:
    """Processes that run the Python part of batches.

    Args:
        part: What they do.
        options: Of the loader.
        shared: Holds the batches of the core.

    Attributes:
        sound: All workers live and answer.
    """

    def __init__(self, part: PythonPart, options: LoaderOptions, shared: Arena) -> None:
        context = options.multiprocessing_context
        if context is None or isinstance(context, str):
            context = multiprocessing.get_context(context)
        self.options = options
        self.shared = shared
        self.sound = True
        self._pid = os.getpid()
        self._runs = itertools.count()
        self._leases = itertools.count()
        self._workers: list[_Worker] = []
        self._finalizer = weakref.finalize(self, _end, self._pid, self._workers)
        try:
            for number in range(options.num_workers):
                setting = Setting(number, self._pid, part, options.worker_init_fn, options.prefetch_factor + 2)
                self._workers.append(_Worker(context, setting, shared))
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

    def receive(self, wake: _Wake, timeout: float | None) -> list[tuple[Reply, _Worker]]:
        """Waits for replies, or until ``wake`` is set, or for ``timeout`` seconds.

        Raises:
            WorkerError: A worker has died.
            LoaderClosedError: The pool was closed.
        """
        connections: dict[Any, _Worker] = {worker.connection: worker for worker in self._workers}
        ends: dict[Any, _Worker] = {worker.ended: worker for worker in self._workers}
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
            if isinstance(one, _Ended) and not replies and ends[one].connection not in ready:
                raise self._death(ends[one])
        return replies

    def _death(self, worker: _Worker) -> Exception:
        if not self.sound:
            return LoaderClosedError("the loader was closed while a batch was being waited for")
        self.sound = False
        batch = next(iter(worker.outstanding.values()), None)
        return WorkerError(
            f"worker process {worker.number} (pid {worker.process.pid}) {worker.how_it_ended()}"
            + ("" if batch is None else f" while it had the batch of the samples {_few(batch)}"),
            hint="Its own output may say why; num_workers=0 runs the transform in this process",
        )


class PooledRun:
    """One iteration over a pool: a thread takes batches from the core and hands them to workers, results come out in
    order.

    Args:
        pool: The workers; one run at a time.
        take: Gives the core's next batch.
        epoch: The epoch.
        batches: How many there are.

    Attributes:
        work_seconds: What the workers needed for the batches so far.
        wait_seconds: What the consumer has waited for them.
    """

    def __init__(
        self, pool: WorkerPool, take: Callable[[], Loaded | None], epoch: int, batches: int
    ) -> None:
        self.work_seconds = 0.0
        self.wait_seconds = 0.0
        self._pool = pool
        self._take = take
        self._epoch = epoch
        self._batches = batches
        self._run = pool.next_run()
        self._room = threading.Semaphore(pool.options.num_workers * pool.options.prefetch_factor)
        self._results: dict[int, _Batch | BaseException] = {}
        self._over = False
        self._wake = _Wake()
        self._thread = threading.Thread(target=self._feed, name="penstock-feed", daemon=True)

    def __iter__(self) -> Iterator[Any]:
        self._thread.start()
        for number in range(self._batches):
            start = time.perf_counter()
            result = self._wait_for(number)
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
            self._thread.join()

    def close(self) -> None:
        """Ends the iteration: :meth:`stop`, and batches under way come to nothing."""
        self.stop()
        self._results.clear()

    def _feed(self) -> None:
        for number in range(self._batches):
            self._room.acquire()
            try:
                loaded = None if self._over else self._take()
            except BaseException as error:
                self._results[number] = error
                self._wake.set()
                return
            if loaded is None:
                return
            try:
                self._pool.submit(self._run, number, self._epoch, loaded)
            except OSError:
                return  # a worker has died, or the pool was closed, which the consumer sees
            del loaded

    def _wait_for(self, number: int) -> _Batch | BaseException:
        limit = self._pool.options.timeout
        end = time.monotonic() + limit if limit else None
        while number not in self._results:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise WorkerError(f"no batch came from the worker processes within {limit} seconds")
            for reply, worker in self._pool.receive(self._wake, left):
                self._sort(reply, worker)
            self._wake.clear()
        return self._results.pop(number)

    def _sort(self, reply: Reply, worker: _Worker) -> None:
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


@dataclass(frozen=True)
class _Batch:
    """Tells a batch, whatever it is, from an error."""

    value: Any


class _Wake:
    """Something to wait for beside processes: another thread sets it."""

    def __init__(self) -> None:
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor).atexit = False

    def fileno(self) -> int:
        return self._descriptor

    def set(self) -> None:
        os.eventfd_write(self._descriptor, 1)

    def clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._descriptor)


class _Ended:
    """Readable once a process has ended. Its own pipe is not: processes that it has started may hold that open."""

    def __init__(self, process: Any) -> None:
        try:
            self._descriptor = os.pidfd_open(process.pid)
        except OSError:  # before Linux 5.3
            self._descriptor = os.dup(process.sentinel)
        weakref.finalize(self, os.close, self._descriptor).atexit = False

    def fileno(self) -> int:
        return self._descriptor


def _end(owner: int, workers: list[_Worker]) -> None:
    """Ends processes that this one has started: a forked child leaves them alone."""
    if os.getpid() != owner:
        return
    for worker in workers:
        worker.hang_up()
    end = time.monotonic() + _GRACE
    for worker in workers:
        worker.process.join(max(0.0, end - time.monotonic()))
    for force in ("terminate", "kill"):
        for worker in workers:
            if worker.process.is_alive():
                getattr(worker.process, force)()
                worker.process.join(1.0)


def _few(indices: Sequence[int]) -> str:
    shown = ", ".join(map(str, indices[:8]))
    return shown if len(indices) <= 8 else f"{shown}, ..."
