"""Where an error has happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from penstock.errors import DatasetFormatError, PenstockError

__all__ = ["placing"]


@contextmanager
def placing(path: str, tensor: str, index: int) -> Iterator[None]:
    """Has errors from within name a sample, in the place of one of its items."""
    try:
        yield
    except DatasetFormatError:
        raise  # of all samples alike
    except PenstockError as error:
        error.path, error.tensor, error.index = path, tensor, index
        raise
