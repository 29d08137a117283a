"""Which names of Deep Lake's compressions are image files."""

from __future__ import annotations

from typing import TypeGuard

__all__ = ["IMAGE_FILES", "is_image_file"]

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
