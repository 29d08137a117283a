"""What looking at single samples of a pipeline asks of each framework alike."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from penstock.errors import ConfigError

__all__ = ["check_taken"]


def check_taken(indices: npt.NDArray[Any], index: int) -> None:
    """Raises ConfigError where a split, which has the samples ``indices``, leaves one out."""
    if not bool((indices == index).any()):
        raise ConfigError(
            f"this split leaves sample {index} out: it has no box of the classes that are used, or is too small"
        )
