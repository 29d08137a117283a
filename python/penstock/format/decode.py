"""Decoding of one image sample: by the core what it decodes, the rest by Pillow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock._native import HAVE_NATIVE, require_native
from penstock.errors import DecodeError, UnsupportedError
from penstock.format.codecs import is_image_file
from penstock.format.limits import check_pixel_count, check_plausible
from penstock.format.lz4 import decompress_lz4
from penstock.format.pictures import Color, gray_of, load_picture, pixels_of, to_picture

__all__ = ["Color", "decode_array", "decode_image", "decode_picture", "decoding_by_pillow"]

# What the core decodes; the rest, and all of it where there is no core, is Pillow's.
_CORE_DECODES = frozenset({"jpeg", "png", "webp"})
_by_pillow = False


def decode_image(
    data: bytes | memoryview,
    compression: str | None,
    shape: tuple[int, ...],
    dtype: npt.DTypeLike,
    color: Color = "native",
) -> npt.NDArray[Any]:
    """Decodes an image.

    Args:
        data: The sample's bytes as stored.
        compression: One of ``IMAGE_FILES``, "lz4" (raw pixels, compressed) or None (raw pixels).
        shape: The shape that the dataset states, (h, w) or (h, w, channels).
        dtype: The tensor's dtype.
        color: "native" gives the array as stored, of ``shape`` and ``dtype``. "rgb" and "bgr" give uint8 (h,
            w, 3): gray is repeated, alpha dropped, palettes looked up. "gray" gives uint8 (h, w): a JPEG's
            luma, else what OpenCV reads of an RGB file. No EXIF rotation. An image without pixels keeps its shape.

    Returns:
        An array that owns its memory and can be written to.

    Raises:
        DecodeError: The bytes end early, cannot be decoded, or decode to another shape than ``shape``.
        UnsupportedError: A color conversion that is not defined (not uint8, CMYK, two channels).
        ChunkFormatError: Damaged lz4 data.
        MissingExtraError: Pillow or lz4 is not installed, and the core does not decode the format.
    """
    dtype = np.dtype(dtype)
    if 0 in shape:
        return _without_pixels(data, compression, shape, dtype)
    if len(shape) not in (2, 3):
        raise DecodeError(f"an image has two or three axes, this sample has the shape {shape}")
    if color != "native" and dtype != np.uint8:
        raise UnsupportedError(f"color conversion of {dtype} images is not supported")
    if compression in (None, "lz4"):
        return _convert_raw(decode_array(data, compression, shape, dtype), color)
    if not is_image_file(compression):
        raise UnsupportedError(f"sample compression '{compression}' is not supported yet")
    if compression in _CORE_DECODES and HAVE_NATIVE and not _by_pillow:
        return _decode_by_core(data, compression, shape, dtype, color)
    return pixels_of(load_picture(data, compression, shape, luma=color == "gray"), shape, dtype, color)


def _decode_by_core(
    data: bytes | memoryview, compression: str, shape: tuple[int, ...], dtype: np.dtype[Any], color: Color
) -> npt.NDArray[Any]:
    """The file's own elements by the native loader's decoder, so that both loaders read alike and refuse alike."""
    check_pixel_count(shape)
    # Of larger elements than uint8 only PNG has any, and where they are of another type they are cast.
    item_size = 2 if compression == "png" and dtype.itemsize > 1 else 1
    pixels: npt.NDArray[Any] = require_native().decode_image(bytes(data), compression, shape, item_size, color)
    if color != "native":
        return pixels
    if dtype == np.bool_:
        truth: npt.NDArray[Any] = pixels != 0
        return truth
    return pixels.astype(dtype, copy=False)


@contextmanager
def decoding_by_pillow() -> Iterator[None]:
    """For tests, which have the core's decoder for their subject and Pillow for an oracle."""
    global _by_pillow
    before, _by_pillow = _by_pillow, True
    try:
        yield
    finally:
        _by_pillow = before


def decode_picture(
    data: bytes | memoryview, compression: str | None, shape: tuple[int, ...], dtype: npt.DTypeLike
) -> Any:
    """Decodes an image to a ``PIL.Image.Image``: the one that Pillow makes of the file, or of raw pixels.

    An image without pixels, of which Pillow knows none, is an empty array, as with Deep Lake's "pil". Arguments and
    errors are those of :func:`decode_image`.
    """
    if 0 in shape:
        return _without_pixels(data, compression, shape, np.dtype(dtype))
    if is_image_file(compression):
        return load_picture(data, compression, shape)
    return to_picture(decode_array(data, compression, shape, dtype))


def _without_pixels(
    data: bytes | memoryview, compression: str | None, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Of a sample that has no bytes either: else its shape is not the true one."""
    if is_image_file(compression):
        check_plausible(compression, len(data), shape, dtype.itemsize)
        return np.zeros(shape, dtype=dtype)
    return decode_array(data, compression, shape, dtype)


def decode_array(
    data: bytes | memoryview, compression: str | None, shape: tuple[int, ...], dtype: npt.DTypeLike
) -> npt.NDArray[Any]:
    """Gives stored elements their shape: a writable array of ``dtype`` and ``shape`` that owns its memory.

    Raises:
        DecodeError: The number of bytes is not the one that the shape needs.
        ChunkFormatError: Damaged lz4 data.
    """
    dtype = np.dtype(dtype)
    stored = decompress_lz4(data) if compression == "lz4" else data
    needed = prod(shape) * dtype.itemsize
    if len(stored) != needed:
        raise DecodeError(f"the sample has {len(stored)} bytes, its shape {shape} of {dtype} needs {needed}")
    return np.frombuffer(stored, dtype=dtype).reshape(shape).copy()


def _convert_raw(image: npt.NDArray[Any], color: Color) -> npt.NDArray[Any]:
    if color == "native":
        return image
    if image.ndim == 2:
        image = image[:, :, np.newaxis]
    channels = image.shape[2]
    if channels not in (1, 3, 4):
        raise UnsupportedError(f"an image of {channels} channels has no color conversion")
    order = [0, 0, 0] if channels == 1 else [0, 1, 2]
    if color == "gray":
        return gray_of(image[:, :, order])
    return np.ascontiguousarray(image[:, :, order if color == "rgb" else order[::-1]])
