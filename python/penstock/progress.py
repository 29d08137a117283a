"""Progress bars."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from penstock.extras import import_if_installed
from penstock.notebook import in_notebook

__all__ = ["notebook_progress", "notebook_progress_bar", "progress", "progress_bar"]

_Item = TypeVar("_Item")


def progress(items: Iterable[_Item], total: int, unit: str) -> Iterator[_Item]:
    """The items, with a progress bar in a notebook or on standard error, where that is a terminal and tqdm is
    installed.
    """
    bar = _bar_class()
    return iter(items) if bar is None else iter(bar(items, total=total, unit=unit))


@contextmanager
def progress_bar(unit: str) -> Iterator[Callable[[int, int], None] | None]:
    """A function that takes how much is done and how much there is, and draws a bar where :func:`progress` does; None
    elsewhere.
    """
    made = _bar_class()
    if made is None:
        yield None
        return
    with made(unit=unit) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


def notebook_progress(items: Iterable[_Item], total: int, unit: str) -> Iterator[_Item]:
    """The items, with a progress bar in a notebook alone: what the library shows of itself."""
    return progress(items, total, unit) if in_notebook() else iter(items)


@contextmanager
def notebook_progress_bar(unit: str) -> Iterator[Callable[[int, int], None] | None]:
    """As :func:`progress_bar`, in a notebook alone."""
    if not in_notebook():
        yield None
        return
    with progress_bar(unit) as show:
        yield show


def _bar_class() -> Any:
    """tqdm's bar for where this runs; None where there is none to draw."""
    notebook = in_notebook()
    if not notebook and not sys.stderr.isatty():
        return None
    with warnings.catch_warnings():
        # Without widgets it draws with letters, which does as well.
        warnings.filterwarnings("ignore", message="IProgress not found")
        tqdm = import_if_installed("tqdm.auto" if notebook else "tqdm", "a progress bar")
    return None if tqdm is None else tqdm.tqdm
