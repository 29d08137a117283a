"""The files of tests that take longest: they are begun first, so that no process is left with one at the end."""

from __future__ import annotations

__all__ = ["LONGEST"]

#: From the log of `make test` (--durations), in the folder tests.
LONGEST = (
    "packaging/test_install.py",
    "mmdet/test_distributed.py",
    "lifetime/test_hung_reads.py",
    "mmdet/test_examples.py",
    "lifetime/test_interpreter_exit.py",
    "lifetime/test_lifetime.py",
    "mmdet/test_wandb.py",
    "mmdet/test_mask_rcnn.py",
    "mmdet/test_wrapped_ranks.py",
)
