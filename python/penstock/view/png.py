"""PNG files of pixels, for browsers, without Pillow."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["masks_png", "rgb_png"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TRUECOLOR, _PALETTE = 2, 3
#: A palette has 256 colours, one of which is none.
_MOST_COLOURS = 255
#: How much of what lies below a mask is hidden, of 255.
_OPAQUE = 120


def rgb_png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A file of an image, uint8 (h, w, 3)."""
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + width * 3), np.uint8)
    flat = pixels.reshape(height, width * 3)
    rows[:, 1:] = flat
    # Each row as what it differs by from the one above: photographs take half the space.
    rows[1:, 1:] -= flat[:-1]
    rows[1:, 0] = 2
    return _file(width, height, _TRUECOLOR, rows)


def masks_png(masks: npt.NDArray[np.bool_], colours: Sequence[tuple[int, int, int]]) -> bytes:
    """A file that tints what lies below it.

    Args:
        masks: bool [n, h, w], at least one; later ones lie above.
        colours: Red, green and blue of each.
    """
    count, height, width = masks.shape
    rows = np.zeros((height, 1 + width), np.uint8)
    for number in range(count):
        rows[:, 1:][masks[number]] = number % _MOST_COLOURS + 1
    used = list(colours[:_MOST_COLOURS])
    palette = bytes(value for colour in [(0, 0, 0), *used] for value in colour)
    return _file(width, height, _PALETTE, rows, (b"PLTE", palette), (b"tRNS", bytes([0] + [_OPAQUE] * len(used))))


def _file(width: int, height: int, colour: int, rows: npt.NDArray[np.uint8], *more: tuple[bytes, bytes]) -> bytes:
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, colour, 0, 0, 0])
    chunks = [(b"IHDR", head), *more, (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b"")]
    return _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
