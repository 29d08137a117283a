"""Which names of Deep Lake's compressions are image files, and which of those the native core decodes."""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np

__all__ = ["IMAGE_FILES", "core_decodes", "is_image_file"]

#: Pillow's name for each of Deep Lake's. MPO shares JPEG's reader. Left out are those that need programs of their own
#: (eps, wmf) or other packages (dcm).
IMAGE_FILES = {
    "bmp": "BMP",
    "dib": "DIB",
    "fli": "FLI",
    "gif": "GIF",
    "ico": "ICO",
    "im": "IM",
    "jpeg": "JPEG",
    "jpeg2000": "JPEG2000",
    "mpo": "JPEG",
    "msp": "MSP",
    "pcx": "PCX",
    "png": "PNG",
    "ppm": "PPM",
    "sgi": "SGI",
    "tga": "TGA",
    "tiff": "TIFF",
    "webp": "WEBP",
    "xbm": "XBM",
}


def is_image_file(compression: str | None) -> TypeGuard[str]:
    """Whether the bytes of a sample, or a chunk, of this compression are an image file."""
    return compression in IMAGE_FILES


def core_decodes(compression: str, dtype: np.dtype[Any] | None) -> bool:
    """Whether the native core decodes image files of this compression to such elements."""
    if compression == "png":
        return dtype is not None and dtype.kind in "biu"
    return compression in ("jpeg", "webp") and dtype == np.uint8
