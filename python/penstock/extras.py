"""Optional dependencies, imported when first used."""

from __future__ import annotations

import importlib
from typing import Any

from penstock.errors import MissingExtraError

__all__ = ["import_extra"]


def import_extra(module: str, purpose: str) -> Any:
    """Imports an optional dependency of the ``python`` extra.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs the module '{module}', which is not installed",
            hint="Install it with: pip install 'penstock[python]'",
        ) from error
