"""Loads the C++ extension and, where it is missing, says why and how to get it."""

from __future__ import annotations

import logging
from types import ModuleType

from penstock.errors import NativeUnavailableError

__all__ = ["DEBUG_BUILD", "HAVE_NATIVE", "require_native"]

_reason: str | None = None
_core: ModuleType | None
try:
    from penstock import _core
except ImportError as error:
    _core = None
    _reason = str(error)

#: Whether the C++ loader is installed.
HAVE_NATIVE: bool = _core is not None

#: Whether the extension was built without optimisation, for debugging.
DEBUG_BUILD: bool = _core is not None and bool(_core.DEBUG_BUILD)

if DEBUG_BUILD:
    logging.getLogger("penstock").warning("the penstock extension is a debug build: measure nothing with it")


def require_native() -> ModuleType:
    """The extension module.

    Raises:
        NativeUnavailableError: It is not installed; the message says why and what to do.
    """
    if _core is None:
        raise NativeUnavailableError(
            f"loader_type='c++' needs penstock's C++ extension, which is not installed: {_reason}",
            hint="Install a C++20 compiler and the libraries (Debian, Ubuntu: apt-get install build-essential "
            "libjpeg-dev libpng-dev libwebp-dev liblz4-dev libhwy-dev), then reinstall penstock without "
            "PENSTOCK_NATIVE=0; or use loader_type='python'",
        )
    return _core
