"""Threads that nobody has to wait for: what they do may never end."""

from __future__ import annotations

import concurrent.futures
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import torch

from penstock.errors import ThreadStartError, timed_out

__all__ = ["DaemonPool", "start_thread"]


def start_thread(thread: threading.Thread, *, wanted: int = 1, option: str = "num_workers") -> None:
    """Starts a thread.

    Raises:
        ThreadStartError: The system gives no more threads; names ``option``, which lowers the number ``wanted``.
    """
    try:
        thread.start()
    except RuntimeError as error:
        raise ThreadStartError(
            f"the system does not give the {wanted} threads that are wanted ({error})",
            hint=f"Lower {option}, or raise the limits on memory (ulimit -v) and processes (ulimit -u)",
        ) from error


class DaemonPool:
    """Threads that run calls in the order of submission. Unlike those of ``concurrent.futures``, they keep neither
    :meth:`close` nor the interpreter's exit waiting while a call does not return.

    Args:
        threads: How many; started as they are needed.
        name: They are called ``name``_0, ``name``_1, ...
        option: What the user sets to have fewer.
    """

    def __init__(self, threads: int, name: str, option: str) -> None:
        self._most = threads
        self._name = name
        self._option = option
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]] | None]
        self._calls = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def submit(self, call: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """The call's result, or what it raises, as a future. One thread at a time."""
        if len(self._threads) < self._most:
            name = f"{self._name}_{len(self._threads)}"
            thread = threading.Thread(target=_answer, args=[self._calls], name=name, daemon=True)
            start_thread(thread, wanted=self._most, option=self._option)
            self._threads.append(thread)
        future: Future[Any] = Future()
        self._calls.put((future, call, arguments))
        return future

    @property
    def idents(self) -> set[int]:
        """The idents of its threads."""
        return {thread.ident for thread in self._threads if thread.ident is not None}

    def result_within(
        self, seconds: float, call: Callable[[], Any], *, where: str, hint: str, timeout: float | None = None
    ) -> Any:
        """What ``call`` gives, under the caller's grad mode. A call that takes longer is left to itself.
        ``timeout`` is what the error names, where ``seconds`` are what is left of it; ``where`` and ``hint`` are those
        of :func:`penstock.errors.timed_out`.

        Raises:
            LoaderTimeoutError: It takes longer.
        """
        grad = torch.is_grad_enabled()

        def run() -> Any:
            with torch.set_grad_enabled(grad):
                return call()

        future = self.submit(run)
        concurrent.futures.wait([future], seconds)
        if not future.done():
            raise timed_out(seconds if timeout is None else timeout, where, hint)
        return future.result()

    def close(self, patience: float = 0.5) -> None:
        """Drops what has not begun, and waits ``patience`` seconds for what has. Idempotent."""
        try:
            while (call := self._calls.get_nowait()) is not None:
                call[0].cancel()
        except queue.Empty:
            pass
        for _ in self._threads:
            self._calls.put(None)
        end = time.monotonic() + patience
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, end - time.monotonic()))


def _answer(calls: queue.SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]] | None]) -> None:
    while (next_call := calls.get()) is not None:
        future, call, arguments = next_call
        del next_call
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(call(*arguments))
            except BaseException as error:
                future.set_exception(error)
        del future, call, arguments
