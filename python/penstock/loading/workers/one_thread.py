"""Worker processes are as many as there is work for: libraries in them are told to have no threads beside them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch

__all__ = ["OneThreadEach", "one_thread_each"]


def one_thread_each() -> None:
    """Torch's pool of threads in this process has one thread, and OpenCV, where that is imported, uses none.

    With 1, OpenCV would end the threads of its pool, and of a pool that its parent had used a forked process would wait
    for threads that it lacks, for ever. With 0 it leaves them alone, and works in the thread that calls.
    """
    torch.set_num_threads(1)
    opencv = sys.modules.get("cv2")
    if opencv is not None and opencv.getNumThreads() > 1:
        opencv.setNumThreads(0)


@dataclass(frozen=True)
class OneThreadEach:
    """A ``worker_init_fn`` that does this before the user's own.

    Attributes:
        init: The user's.
    """

    init: Callable[[int], None] | None

    def __call__(self, number: int) -> None:
        """Sets up worker process ``number``."""
        one_thread_each()
        if self.init is not None:
            self.init(number)
