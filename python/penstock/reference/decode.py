"""Decoding of one image sample."""

from __future__ import annotations

from io import BytesIO
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from penstock.errors import DecodeError, UnsupportedError
from penstock.extras import import_extra
from penstock.reference.limits import check_pixel_count, check_scans
from penstock.reference.lz4 import decompress_lz4

__all__ = ["Color", "decode_array", "decode_image"]

Color = Literal["native", "rgb", "bgr"]

_FORMATS = {"jpeg": "JPEG", "png": "PNG"}
# What Pillow reduces to RGB by dropping alpha, repeating gray and looking up palettes, and nothing else.
_CONVERTIBLE = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA"})
_DAMAGED_IMAGE = "The image is damaged: replace the sample, or leave it out"


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
        compression: "jpeg", "png", "lz4" (raw pixels, compressed) or None (raw pixels).
        shape: The shape that the dataset states, (h, w) or (h, w, channels).
        dtype: The tensor's dtype.
        color: "native" gives the array as stored, of ``shape`` and ``dtype``. "rgb" and "bgr" give uint8 (h,
            w, 3): gray is repeated, alpha dropped, palettes looked up. No EXIF rotation. An image without
            pixels keeps its shape.

    Returns:
        An array that owns its memory and can be written to.

    Raises:
        DecodeError: The bytes end early, cannot be decoded, or decode to another shape than ``shape``.
        UnsupportedError: A color conversion that is not defined (not uint8, CMYK, two channels).
        ChunkFormatError: Damaged lz4 data.
        MissingExtraError: Pillow or lz4 is not installed.
    """
    dtype = np.dtype(dtype)
    if 0 in shape:
        return np.zeros(shape, dtype=dtype)
    if len(shape) not in (2, 3):
        raise DecodeError(f"an image has two or three axes, this sample has the shape {shape}")
    if color != "native" and dtype != np.uint8:
        raise UnsupportedError(f"color conversion of {dtype} images is not supported")
    if compression in (None, "lz4"):
        return _convert_raw(decode_array(data, compression, shape, dtype), color)
    if compression not in _FORMATS:
        raise UnsupportedError(f"sample compression '{compression}' is not supported yet")
    return _decode_with_pillow(data, _FORMATS[compression], shape, dtype, color)


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
    return np.ascontiguousarray(image[:, :, order if color == "rgb" else order[::-1]])


def _decode_with_pillow(
    data: bytes | memoryview, image_format: str, shape: tuple[int, ...], dtype: np.dtype[Any], color: Color
) -> npt.NDArray[Any]:
    check_pixel_count(shape)
    if image_format == "JPEG":
        check_scans(data)
    pillow = import_extra("PIL.Image", f"decoding {image_format} images", "python")
    try:
        with pillow.open(BytesIO(data), formats=(image_format,)) as image:
            width, height = image.size
            if (height, width) != shape[:2]:
                # Before the pixels are decoded: a small file can claim a huge image.
                raise DecodeError(
                    f"{image_format}: the image is {height} x {width} (height x width), the dataset says "
                    f"{shape[0]} x {shape[1]}"
                )
            image.load()
            return _from_pillow(image, image_format, shape, dtype, color)
    except (DecodeError, UnsupportedError, MemoryError):
        raise
    except pillow.UnidentifiedImageError:
        # Pillow's own words name an object in memory.
        raise DecodeError(f"{image_format}: the data is no such image", hint=_DAMAGED_IMAGE) from None
    except Exception as error:
        # Pillow's plugins raise whatever their parsing trips over: OSError, SyntaxError, struct.error and
        # more.
        raise DecodeError(f"{image_format}: {error}", hint=_DAMAGED_IMAGE) from error


def _from_pillow(
    image: Any, image_format: str, shape: tuple[int, ...], dtype: np.dtype[Any], color: Color
) -> npt.NDArray[Any]:
    pixels = np.array(image)
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    stated = 1 if len(shape) == 2 else shape[2]
    if channels != stated:
        raise DecodeError(f"{image_format}: the image has {channels} channels, the dataset says {stated}")
    if color == "native":
        return pixels.reshape(shape).astype(dtype, copy=False)
    if image.mode not in _CONVERTIBLE:
        raise UnsupportedError(f"{image_format}: color conversion from mode {image.mode} is not supported")
    rgb = np.array(image.convert("RGB"))
    return rgb if color == "rgb" else np.ascontiguousarray(rgb[:, :, ::-1])
