"""What a worker process does."""

from __future__ import annotations

import os
import random
import select
import signal
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any, Protocol

import numpy as np
import torch

from penstock.loading.workers.arena import Arena, Bytes
from penstock.loading.workers.one_thread import one_thread_each
from penstock.loading.workers.transport import Failure, Packed, Reply, Task, pack

__all__ = ["Part", "Setting", "work"]


class Part(Protocol):
    """What the processes do with each batch. It pickles where they are not forked."""

    @property
    def seed(self) -> int:
        """The loader's seed."""
        ...

    def __call__(self, indices: Sequence[int], tensors: Sequence[Any], metas: Any, epoch: int) -> Any:
        """What becomes of a batch, of which the arguments are what :meth:`penstock._core.Epoch.next` gives."""
        ...


@dataclass(frozen=True)
class Setting:
    """What a worker process is started with.

    Attributes:
        number: Of the worker, from 0.
        parent: The consumer's process id.
        part: What it has to do with each batch.
        init: The user's ``worker_init_fn``.
        kept: Free pieces of memory for results that keep their pages.
    """

    number: int
    parent: int
    part: Part
    init: Callable[[int], None] | None
    kept: int


def work(connection: Connection, inherited: Connection | None, setting: Setting) -> None:
    """Answers tasks until the consumer hangs up. ``inherited``: a forked child's copy of the consumer's end."""
    if inherited is not None:
        inherited.close()
    # Ctrl-C reaches all processes of a terminal; the consumer answers it, and ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_with(setting.parent)
    one_thread_each()
    _seed_globals(setting)
    try:
        shared = Arena(descriptor=reduction.recv_handle(connection))
        own = Arena(setting.kept)
        reduction.send_handle(connection, own.descriptor, setting.parent)
        _answer(connection, _Worker(setting, shared, own))
    except (EOFError, ConnectionError):
        return


def _answer(connection: Connection, worker: _Worker) -> None:
    if worker.setting.init is not None:
        try:
            worker.setting.init(worker.setting.number)
        except Exception as error:
            connection.send(Reply(None, 0, Failure(error)))
            return
    while True:
        connection.send(worker.reply(connection.recv()))


class _Worker:
    def __init__(self, setting: Setting, shared: Arena, own: Arena) -> None:
        self.setting = setting
        self._shared = shared
        self._own = own
        self._leases: dict[int, weakref.ref[Bytes]] = {}
        self._released: list[int] = []

    def reply(self, task: Task) -> Reply:
        for offset in task.returned:
            self._own.release(offset)
        started = time.monotonic_ns()
        result = self._result(task)
        # By now nothing of the batch is left here, unless the user's code has kept some of it.
        released, self._released = self._released, []
        return Reply(task.run, task.number, result, started, (time.monotonic_ns() - started) / 1e9, released)

    def _result(self, task: Task) -> Packed | Failure:
        one_thread_each()  # of what the task before has imported, too
        try:
            tensors = [
                (self._lease(*place), offsets, shapes, stacked) for *place, offsets, shapes, stacked in task.tensors
            ]
            return pack(self.setting.part(task.indices, tensors, task.metas, task.epoch), self._own, self._shared)
        except Exception as error:
            return Failure(error)

    def _lease(self, number: int, offset: int, size: int) -> Bytes:
        memory = self._shared.view(offset, size)

        def died(_: Any) -> None:
            del self._leases[number]
            self._released.append(number)

        self._leases[number] = weakref.ref(memory, died)
        return memory


def _end_with(parent: int) -> None:
    """Ends this process when the consumer ends, also amid a transform. Where the kernel cannot tell (before Linux
    5.3), the closed connection does, at the next task."""
    try:
        process = os.pidfd_open(parent)
    except OSError:
        return

    def watch() -> None:
        ended = select.poll()
        ended.register(process, select.POLLIN)
        ended.poll()
        os._exit(1)

    threading.Thread(target=watch, name="penstock-parent", daemon=True).start()


def _seed_globals(setting: Setting) -> None:
    """Forked processes would all draw the same numbers where no sample's own seed rules: in ``worker_init_fn`` and
    ``collate_fn``."""
    seed = (setting.part.seed + setting.number) % 2**63
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
