"""Image files turned as their EXIF orientation says."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import io
from pathlib import Path
from typing import Any

import numpy as np

from penstock.errors import DatasetFormatError, PenstockError
from penstock.extras import import_extra
from penstock.ingest.orientation import jpeg_segments, orientation_of, without_orientation

__all__ = ["QUALITY", "transposed", "upright"]

#: Of JPEG files that cannot be turned without loss.
QUALITY = 95
#: libturbojpeg's operation for each orientation: flips, transpositions and quarter turns.
_OPERATIONS = {2: 1, 3: 6, 4: 2, 5: 3, 6: 5, 7: 4, 8: 7}
_PERFECT, _PROGRESSIVE = 1, 32
_PROGRESSIVE_FRAMES = (0xC2, 0xCA)
_LIBRARIES = ("libturbojpeg.so.0", "libturbojpeg.0.dylib", "libturbojpeg.dylib", "turbojpeg.dll")


def upright(data: bytes, compression: str, file: Path) -> tuple[bytes, str]:
    """An image file without an orientation, as OpenCV shows it; and how it came about: "kept", "lossless", "encoded".

    JPEG files are turned by whole blocks, without loss, where their size allows and libturbojpeg is installed; else
    they are encoded anew at :data:`QUALITY`, and as before in chroma. PNG files never lose anything.

    Raises:
        DatasetFormatError: A file that cannot be decoded.
        MissingExtraError: Pillow is not installed.
    """
    orientation = orientation_of(data, compression)
    if orientation == 1:
        return data, "kept"
    if compression == "jpeg":
        turned = _turned_blocks(without_orientation(data, compression), orientation)
        if turned is not None:
            return turned, "lossless"
    try:
        turned = _encoded(data, compression, orientation)
    except PenstockError:
        raise
    except Exception as error:
        raise DatasetFormatError(
            f"the image '{file}' cannot be turned as its EXIF orientation says: {error}",
            hint="Mend the file, or store all files as they are (--exif keep, exif='keep')",
        ) from error
    return turned, "lossless" if compression == "png" else "encoded"


def transposed(picture: Any, orientation: int) -> Any:
    """A picture of Pillow's turned as an EXIF orientation of 2 to 8 says; the same one for any other number."""
    methods = import_extra("PIL.Image", "turning images", "ingest").Transpose
    method = {
        2: methods.FLIP_LEFT_RIGHT,
        3: methods.ROTATE_180,
        4: methods.FLIP_TOP_BOTTOM,
        5: methods.TRANSPOSE,
        6: methods.ROTATE_270,
        7: methods.TRANSVERSE,
        8: methods.ROTATE_90,
    }.get(orientation)
    return picture if method is None else picture.transpose(method)


class _Transform(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int) for name in ("x", "y", "w", "h", "op", "options")),
        ("data", ctypes.c_void_p),
        ("filter", ctypes.c_void_p),
    )


@functools.cache
def _turbojpeg() -> Any:
    """libturbojpeg; None where it is not installed."""
    for name in (ctypes.util.find_library("turbojpeg"), *_LIBRARIES):
        try:
            library = ctypes.CDLL(name) if name else None
        except OSError:
            continue
        if library is not None and hasattr(library, "tjTransform"):
            library.tjInitTransform.restype = ctypes.c_void_p
            library.tjDestroy.argtypes = library.tjFree.argtypes = (ctypes.c_void_p,)
            return library
    return None


def _turned_blocks(data: bytes, orientation: int) -> bytes | None:
    """The JPEG file turned without loss; None where that cannot be done."""
    library = _turbojpeg()
    handle = None if library is None else library.tjInitTransform()
    if not handle:
        return None
    progressive = any(marker in _PROGRESSIVE_FRAMES for marker, _, _ in jpeg_segments(data))
    transform = _Transform(
        op=_OPERATIONS[orientation], options=_PERFECT | (_PROGRESSIVE if progressive else 0), data=None, filter=None
    )
    out, size = ctypes.c_void_p(), ctypes.c_ulong()
    try:
        status = library.tjTransform(
            ctypes.c_void_p(handle),
            ctypes.c_char_p(data),
            ctypes.c_ulong(len(data)),
            1,
            ctypes.byref(out),
            ctypes.byref(size),
            ctypes.byref(transform),
            0,
        )
        return ctypes.string_at(out, size.value) if status == 0 and out else None
    finally:
        if out:
            library.tjFree(out)
        library.tjDestroy(handle)


def _encoded(data: bytes, compression: str, orientation: int) -> bytes:
    pillow = import_extra("PIL.Image", "turning images", "ingest")
    stream = io.BytesIO()
    if compression == "png" and data[24] == 16 and data[25] != 0:
        return _turned_deep_png(data, orientation)
    with pillow.open(io.BytesIO(without_orientation(data, compression)), formats=("JPEG", "PNG")) as picture:
        options: dict[str, Any] = {
            name: picture.info[name] for name in ("icc_profile", "transparency", "gamma") if name in picture.info
        }
        if compression == "jpeg":
            sampling = import_extra("PIL.JpegImagePlugin", "turning images", "ingest").get_sampling(picture)
            # 4:2:2 is 4:4:0 when it has been turned by a quarter, which Pillow does not write.
            sampling = sampling if sampling == 2 or (sampling == 1 and orientation < 5) else 0
            options = {"icc_profile": options.get("icc_profile"), "quality": QUALITY, "subsampling": sampling}
        turned = transposed(picture, orientation)
        # Pillow writes what it has noted of the file, EXIF and XMP too.
        turned.info = {}
        turned.save(stream, "PNG" if compression == "png" else "JPEG", **options)
    return stream.getvalue()


def _turned_deep_png(data: bytes, orientation: int) -> bytes:
    """Of 16 bits a channel, of which Pillow keeps eight."""
    cv2 = import_extra("cv2", "turning PNG files of 16 bits in colour", "mmdet")
    pixels = cv2.imdecode(np.frombuffer(without_orientation(data, "png"), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("it cannot be decoded")
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    # After that: which axes run backwards.
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    done, encoded = cv2.imencode(".png", np.ascontiguousarray(pixels))
    if not done:
        raise ValueError("it cannot be encoded")
    return bytes(encoded)
