"""What the commands need beside the package's own dependencies."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from penstock.errors import MissingExtraError

__all__ = ["import_extra", "progress"]

_Item = TypeVar("_Item")


def import_extra(module: str, purpose: str) -> Any:
    """Imports a module of the ``cli`` extra. Raises MissingExtraError."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs the module '{module}', which is not installed",
            hint="Install it with: pip install 'penstock[cli]'",
        ) from error


def progress(items: Iterable[_Item], total: int, unit: str) -> Iterator[_Item]:
    """The items, with a progress bar on standard error where that is a terminal and tqdm is installed."""
    if not sys.stderr.isatty():
        return iter(items)
    try:
        from tqdm import tqdm
    except ImportError:
        return iter(items)
    return iter(tqdm(items, total=total, unit=unit))
