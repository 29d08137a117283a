"""Functions run in several processes that talk through gloo; nothing outlives the time limit."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import socket
import time
import traceback
from collections.abc import Callable
from typing import Any

__all__ = ["free_port", "run_on_ranks"]

#: What is missing is passed over.
_PRELOAD = ["mmdet.apis", "penstock.integrations.mmdet", "accelerate", "lightning.fabric", "lightning.pytorch"]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def run_on_ranks(world_size: int, function: Callable[..., Any], *args: Any, seconds: float = 120) -> list[Any]:
    """What ``function(*args)`` returns on each rank, with ``torch.distributed`` running on gloo.

    Args:
        world_size: How many processes.
        function: A function of a module.
        args: Its arguments.
        seconds: When it is given up: all processes are killed, and the test fails.
    """
    # Forked where MMDetection, or what else this environment has, was imported once for all ranks: that takes seconds.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    queue = context.Queue()
    port = free_port()
    start = functools.partial(_rank, function, args, world_size, port, queue)
    # No daemons, which may have no worker processes.
    processes = [context.Process(target=start, args=(rank,)) for rank in range(world_size)]
    for process in processes:
        process.start()
    try:
        deadline = time.monotonic() + seconds
        found: dict[int, Any] = {}
        while len(found) < world_size:
            rank, value, error = queue.get(timeout=max(0.1, deadline - time.monotonic()))
            assert error is None, f"rank {rank}: {error}"
            found[rank] = value
        for process in processes:
            process.join(max(0.1, deadline - time.monotonic()))
            assert process.exitcode == 0
        return [found[rank] for rank in range(world_size)]
    finally:
        for process in processes:
            process.kill()
            process.join()
        queue.close()


def _rank(
    function: Callable[..., Any], args: tuple[Any, ...], world_size: int, port: int, queue: Any, rank: int
) -> None:
    import torch

    with contextlib.suppress(ImportError):
        import cv2

        cv2.setNumThreads(0)
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(world_size))
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.distributed.init_process_group("gloo")
    try:
        value, error = function(*args), None
    except Exception:
        value, error = None, traceback.format_exc()
    queue.put((rank, value, error))
    if error is None:
        torch.distributed.destroy_process_group()
