"""Optional dependencies, imported when first used."""

from __future__ import annotations

import importlib
import logging
from typing import Any

from penstock.described import described_error
from penstock.errors import MissingExtraError

__all__ = ["import_extra", "import_if_installed"]

logger = logging.getLogger("penstock")


def import_extra(module: str, purpose: str, extra: str, hint: str | None = None) -> Any:
    """Imports a module of an optional dependency.

    Args:
        module: Its full name.
        purpose: What needs it, for the message.
        extra: The extra of this package that brings it.
        hint: How to install it, where no extra brings it.

    Raises:
        MissingExtraError: It is not installed, or it is installed and fails to import; the message says which.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not _is_part_of(error.name, module):
            raise _cannot_be_loaded(module, purpose, error) from error
        raise MissingExtraError(
            f"{purpose} needs the module '{module}', which is not installed",
            hint=hint or f"Install it with: pip install 'penstock[{extra}]'",
        ) from error
    except (ImportError, MemoryError, OSError) as error:
        raise _cannot_be_loaded(module, purpose, error) from error


def import_if_installed(module: str, purpose: str) -> Any:
    """Imports a module that is a nicety. None where it is not installed, and, with a warning that says why, where it
    is installed and fails to import. Arguments as of :func:`import_extra`.
    """
    try:
        return importlib.import_module(module)
    except (ImportError, MemoryError, OSError) as error:
        if not (isinstance(error, ModuleNotFoundError) and _is_part_of(error.name, module)):
            logger.warning("%s", _cannot_be_loaded(module, purpose, error))
        return None


def _is_part_of(name: str | None, module: str) -> bool:
    return name is not None and f"{module}.".startswith(f"{name}.")


def _cannot_be_loaded(module: str, purpose: str, error: Exception) -> MissingExtraError:
    return MissingExtraError(
        f"{purpose} needs the module '{module}', which is installed and cannot be loaded: {described_error(error)}",
        hint="Mend the cause, then try again; where files of the module are damaged, reinstall it",
    )
