"""What an encoded image says of itself before its pixels."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.errors import DecodeError, UnsupportedError
from penstock.format.limits import DAMAGED_IMAGE

__all__ = ["ImageHeader", "read_image_header"]

_PNG_START = b"\x89PNG\r\n\x1a\n"
#: Channels of a PNG, by color type; palettes have one, their indices.
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PNG_PALETTE = 3
#: Markers that begin a frame and state its size: SOF0 to SOF15 without DHT, JPG and DAC, which lie among them.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: Markers that stand alone: a stuffed zero, TEM, RST0 to RST7, SOI.
_JPEG_ALONE = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})
_JPEG_SCAN_OR_END = (0xDA, 0xD9)


@dataclass(frozen=True)
class ImageHeader:
    """The head of an image file.

    Attributes:
        shape: Height, width, channels.
        plain: Every decoder gives the same array. Not so of a PNG with a palette, with packed gray, or with 16 bits in
            a tensor of 8.
    """

    shape: tuple[int, int, int]
    plain: bool


def read_image_header(data: bytes, compression: str, item_size: int = 1) -> ImageHeader:
    """Reads the head of an image file.

    Args:
        data: The file.
        compression: "jpeg" or "png".
        item_size: Bytes of an element of the tensor.

    Raises:
        DecodeError: It is no such file, or says nothing sensible.
        UnsupportedError: Another compression.
    """
    if compression == "jpeg":
        header = _read_jpeg(data)
    elif compression == "png":
        header = _read_png(data, item_size)
    else:
        raise UnsupportedError("only JPEG and PNG files state their size")
    if 0 in header.shape[:2]:
        raise DecodeError("the image's stated size is zero", hint=DAMAGED_IMAGE)
    return header


def _read_jpeg(data: bytes) -> ImageHeader:
    if data[:2] != b"\xff\xd8":
        raise DecodeError("JPEG: the data does not begin as a JPEG does", hint=DAMAGED_IMAGE)
    at = 2
    while 0 <= (at := data.find(b"\xff", at)) <= len(data) - 4:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        at += 2
        if marker in _JPEG_ALONE:
            continue
        if marker in _JPEG_SCAN_OR_END:
            break
        length = int.from_bytes(data[at : at + 2], "big")
        if marker in _JPEG_FRAMES:
            if length < 8 or at + 8 > len(data):
                break
            height, width = (int.from_bytes(data[at + i : at + i + 2], "big") for i in (3, 5))
            return ImageHeader((height, width, data[at + 7]), plain=True)
        at += max(length, 2)
    raise DecodeError("JPEG: the data ends before the image's size", hint=DAMAGED_IMAGE)


def _read_png(data: bytes, item_size: int) -> ImageHeader:
    if len(data) < 29 or data[:8] != _PNG_START or data[12:16] != b"IHDR":
        raise DecodeError("PNG: the data does not begin as a PNG does", hint=DAMAGED_IMAGE)
    width, height = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))
    bits, color_type = data[24], data[25]
    channels = _PNG_CHANNELS.get(color_type)
    if channels is None:
        raise DecodeError(f"PNG: there is no color type {color_type}", hint=DAMAGED_IMAGE)
    # Of 16 bits only gray keeps them.
    plain = color_type != _PNG_PALETTE and bits == 8 * item_size and (bits == 8 or color_type == 0)
    return ImageHeader((height, width, channels), plain)
