"""Starting processes beside deeplake 4."""

from __future__ import annotations

import gc
import sys

__all__ = ["prepare_for_fork"]


def prepare_for_fork() -> None:
    """To be called before processes are started; without deeplake 4 in this one it does nothing.

    deeplake 4.7 halts its threads when a fork begins, and crashes if a dataset with uncommitted changes is destroyed
    from then on. What nobody has any more, but is referred to in a circle (as datasets and their tensors are), waits
    for the garbage collector, which may run at any time. So it runs before.
    """
    if "deeplake._deeplake" in sys.modules:
        gc.collect()
