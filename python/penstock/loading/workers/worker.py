"""The consumer's side of one worker process."""

from __future__ import annotations

import contextlib
import signal
import socket
import weakref
from multiprocessing import reduction
from typing import Any

from penstock.loading.workers.arena import Arena, Bytes
from penstock.loading.workers.process import Setting, work
from penstock.loading.workers.transport import Packed, Reply, Task, unpack
from penstock.loading.workers.waiting import Ended

__all__ = ["GRACE", "Worker"]

#: Seconds that a worker has to end the batch it works on, once it is not wanted any more: closing waits for them.
GRACE = 0.4


class Worker:
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
        self.ended = Ended(self.process)
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
        self.process.join(GRACE)
        code = self.process.exitcode
        if code is None or code >= 0:
            return f"ended with exit code {code}"
        return f"was killed by {signal.Signals(-code).name}"
