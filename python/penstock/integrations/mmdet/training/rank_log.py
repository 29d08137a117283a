"""MMDetection's log in a process that is started for a rank."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable

from mmcv.utils import get_logger

__all__ = ["log_of_rank_0"]


def log_of_rank_0() -> Callable[[], object] | None:
    """What goes on with this process's log file in the process of rank 0; None where there is no file."""
    logger = logging.getLogger("mmdet")
    files = [one.baseFilename for one in logger.handlers if isinstance(one, logging.FileHandler)]
    if not files:
        return None
    return functools.partial(get_logger, "mmdet", log_file=files[0], log_level=logger.level, file_mode="a")
