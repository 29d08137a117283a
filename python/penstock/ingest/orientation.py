"""The EXIF orientation of image files, as OpenCV understands it: annotations were made on what it shows."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

__all__ = ["jpeg_segments", "orientation_of", "png_chunks", "without_orientation"]

_ORIENTATION = 0x0112
#: Text, whose place in the file OpenCV looks at: it stops where that lies outside.
_TEXTS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x8298)
_APP1, _APP2 = 0xE1, 0xE2
_STANDALONE = (0x01, *range(0xD0, 0xD9))
_SOS = 0xDA


def orientation_of(data: bytes, compression: str) -> int:
    """Of a JPEG or PNG file: 1 to 8; 1 also where there is none, or none that OpenCV could read."""
    exif = _exif_of_png(data) if compression == "png" else _exif_of_jpeg(data)
    try:
        value = _orientation(exif)
    except struct.error:
        return 1
    return value if 1 <= value <= 8 else 1


def without_orientation(data: bytes, compression: str) -> bytes:
    """The file without EXIF and XMP, both of which may tell an orientation, and without the list of further pictures in
    it, which counts bytes. All else stays.
    """
    if compression == "png":
        kept = [
            data[begin:end] for kind, begin, end in png_chunks(data) if kind != b"eXIf" and not _is_xmp(data, begin)
        ]
        return data[:8] + b"".join(kept)
    parts, last = [data[:2]], 2
    for marker, begin, end in jpeg_segments(data):
        parts.append(data[last:begin])
        last = end
        if marker != _APP1 and not (marker == _APP2 and data[begin + 4 : begin + 8] == b"MPF\0"):
            parts.append(data[begin:end])
    return b"".join([*parts, data[last:]])


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, begin and end of each segment before the first scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == _SOS:
            return
        end = at + 2 if marker in _STANDALONE else at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data):
            return
        yield marker, at, end
        at = end


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, begin and end of each chunk."""
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], at, min(end, len(data))
        at = end


def _is_xmp(data: bytes, begin: int) -> bool:
    return data[begin + 4 : begin + 8] == b"iTXt" and data[begin + 8 :].startswith(b"XML:com.adobe.xmp\0")


def _exif_of_jpeg(data: bytes) -> bytes:
    # OpenCV looks at the first APP1 alone, whatever that is.
    first = next(((begin, end) for marker, begin, end in jpeg_segments(data) if marker == _APP1), None)
    return b"" if first is None else data[first[0] + 10 : first[1]]


def _exif_of_png(data: bytes) -> bytes:
    for kind, begin, end in png_chunks(data):
        content = data[begin + 8 : end - 4]
        if kind == b"eXIf":
            return content if zlib.crc32(kind + content) == int.from_bytes(data[end - 4 : end], "big") else b""
    return b""


def _orientation(exif: bytes) -> int:
    """Raises struct.error where the directory leaves the data before the orientation."""
    order = "<" if exif[:2] == b"II" else ">"
    # What is neither order is taken for the second.
    if struct.unpack_from(order + "H", exif, 2)[0] != 42:
        return 1
    (start,) = struct.unpack_from(order + "I", exif, 4)
    (count,) = struct.unpack_from(order + "H", exif, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        (tag,) = struct.unpack_from(order + "H", exif, entry)
        if tag == _ORIENTATION:
            # Whatever its type says.
            return int(struct.unpack_from(order + "H", exif, entry + 8)[0])
        if tag in _TEXTS:
            (size,) = struct.unpack_from(order + "I", exif, entry + 4)
            place = struct.unpack_from(order + "I", exif, entry + 8)[0] if size > 4 else 8
            if place + size > len(exif):
                return 1
    return 1
