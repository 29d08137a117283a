"""Loads the C++ extension and, where it is missing, says why and how to get it."""

from __future__ import annotations

import importlib.util
import logging
from types import ModuleType

from penstock.described import described_error
from penstock.errors import NativeUnavailableError

__all__ = ["DEBUG_BUILD", "HAVE_NATIVE", "require_native"]

_reason: str | None = None
_core: ModuleType | None
try:
    from penstock import _core
except (ImportError, MemoryError, OSError) as error:
    _core = None
    _reason = described_error(error)

#: Whether the C++ loader is installed.
HAVE_NATIVE: bool = _core is not None

#: Whether the extension was built without optimisation, for debugging.
DEBUG_BUILD: bool = _core is not None and bool(_core.DEBUG_BUILD)

_broken = _core is None and importlib.util.find_spec("penstock._core") is not None
if _broken:
    logging.getLogger("penstock").warning("penstock's C++ extension is installed and cannot be loaded: %s", _reason)

if DEBUG_BUILD:
    logging.getLogger("penstock").warning("the penstock extension is a debug build: measure nothing with it")


def require_native() -> ModuleType:
    """The extension module.

    Raises:
        NativeUnavailableError: It is not installed, or it is installed and cannot be loaded; the message says which,
            why, and what to do.
    """
    if _broken:
        raise NativeUnavailableError(
            f"loader_type='c++' needs penstock's C++ extension, which is installed and cannot be loaded: {_reason}",
            hint="Install the library that is missing, or reinstall penstock; or use loader_type='python'",
        )
    if _core is None:
        raise NativeUnavailableError(
            f"loader_type='c++' needs penstock's C++ extension, which is not installed: {_reason}",
            hint="Install a C++20 compiler and the libraries (Debian, Ubuntu: apt-get install build-essential "
            "libjpeg-dev libpng-dev libwebp-dev liblz4-dev libhwy-dev libcurl4-openssl-dev), then reinstall penstock "
            "without PENSTOCK_NATIVE=0; or use loader_type='python'",
        )
    return _core
