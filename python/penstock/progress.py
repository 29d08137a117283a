"""Progress bars."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from penstock.extras import import_if_installed

__all__ = ["progress", "progress_bar"]

_Item = TypeVar("_Item")


def progress(items: Iterable[_Item], total: int, unit: str) -> Iterator[_Item]:
    """The items, with a progress bar on standard error where that is a terminal and tqdm is installed."""
    if not sys.stderr.isatty():
        return iter(items)
    tqdm = import_if_installed("tqdm", "a progress bar")
    return iter(items) if tqdm is None else iter(tqdm.tqdm(items, total=total, unit=unit))


@contextmanager
def progress_bar(unit: str) -> Iterator[Callable[[int, int], None] | None]:
    """A function that takes how much is done and how much there is, and draws a bar on standard error; None where that
    is no terminal or tqdm is not installed.
    """
    tqdm = import_if_installed("tqdm", "a progress bar") if sys.stderr.isatty() else None
    if tqdm is None:
        yield None
        return
    with tqdm.tqdm(unit=unit) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
