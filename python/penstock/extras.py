"""Optional dependencies, imported when first used."""

from __future__ import annotations

import importlib
from typing import Any

from penstock.errors import MissingExtraError

__all__ = ["import_extra"]


def import_extra(module: str, purpose: str, extra: str) -> Any:
    """Imports a module of an optional dependency.

    Args:
        module: Its full name.
        purpose: What needs it, for the message.
        extra: The extra of this package that brings it.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs the module '{module}', which is not installed",
            hint=f"Install it with: pip install 'penstock[{extra}]'",
        ) from error
