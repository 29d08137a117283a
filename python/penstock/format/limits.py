"""What a sample may claim before memory or time is spent on it. The core has the same limits."""

from __future__ import annotations

from math import prod

from penstock.errors import DecodeError
from penstock.format.chunk import DAMAGED_CHUNK
from penstock.format.codecs import is_image_file

__all__ = ["DAMAGED_IMAGE", "MOST_PIXELS", "MOST_SCANS", "check_pixel_count", "check_plausible", "check_scans"]

#: The most pixels of an encoded image: what Pillow takes for a bomb.
MOST_PIXELS = 178_956_970
#: The most scans of a JPEG. Encoders write some ten; each costs a walk over the whole image.
MOST_SCANS = 500

#: What to do about an image that cannot be decoded.
DAMAGED_IMAGE = "The image is damaged: replace the sample, or leave it out"
_START_OF_SCAN = b"\xff\xda"
# Bytes of pixels that a byte of encoded data can stand for, at most: a JPEG needs a bit for each block of 64
# coefficients, deflate and LZ4 reach 1032 and 255, a PNG may pack eight pixels in a byte.
_MOST_EXPANSION = {"jpeg": 8 * 64 * 4 * 3, "png": 1032 * 8 * 3, "lz4": 255 * 3}


def check_pixel_count(shape: tuple[int, ...]) -> None:
    """Raises DecodeError when an encoded image of a shape (h, w, ...) has more than MOST_PIXELS."""
    pixels = prod(shape[:2])
    if pixels > MOST_PIXELS:
        raise DecodeError(
            f"an image of {pixels} pixels is not read: {MOST_PIXELS} are the limit",
            hint="If the image is real, store it in parts",
        )


def check_scans(jpeg: bytes | memoryview) -> None:
    """Raises DecodeError when a JPEG has more than MOST_SCANS."""
    # In scans, a byte 0xFF is always followed by 0: every marker found there is one.
    if bytes(jpeg).count(_START_OF_SCAN) > MOST_SCANS:
        raise DecodeError(f"JPEG: more than {MOST_SCANS} scans", hint=DAMAGED_IMAGE)


def check_plausible(compression: str | None, stored_bytes: int, shape: tuple[int, ...], item_size: int) -> None:
    """Raises DecodeError when so many bytes cannot hold a sample of the stated shape."""
    needed = prod(shape) * item_size
    if needed == 0 and stored_bytes and is_image_file(compression):
        text = " x ".join(map(str, shape))
        raise DecodeError(f"{stored_bytes} bytes cannot be an image without pixels ({text})", hint=DAMAGED_CHUNK)
    if compression is None and needed != stored_bytes:
        raise DecodeError(f"the sample has {stored_bytes} bytes, its shape needs {needed}")
    # A gray byte of an image may be an element of any size.
    wide = item_size if is_image_file(compression) else 1
    if compression in _MOST_EXPANSION and needed > stored_bytes * _MOST_EXPANSION[compression] * wide:
        text = " x ".join(map(str, shape))
        raise DecodeError(
            f"{stored_bytes} bytes cannot hold a sample of the stated shape ({text})", hint=DAMAGED_CHUNK
        )
