"""Images in files of their own, which say themselves what they hold."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.errors import DecodeError, PenstockError
from penstock.extras import import_extra
from penstock.format.decode import Color, decode_image, decode_picture

__all__ = ["decode_image_file", "image_file_shape", "open_image_file"]

_DTYPES = {"1": "bool", "I;16": "uint16", "I": "int32", "F": "float32"}


def image_file_shape(data: bytes, ndim: int) -> tuple[int, ...]:
    """Shape of the array in an image file, from its header. See :func:`decode_image_file`."""
    return _header(data, ndim)[1]


def decode_image_file(data: bytes, ndim: int, color: Color = "native") -> npt.NDArray[Any]:
    """The image in a file.

    Args:
        data: The file's bytes.
        ndim: Axes of the tensor's samples: where it is 3, gray images are (h, w, 1), else (h, w).
        color: As for :func:`penstock.format.decode.decode_image`.

    Raises:
        DecodeError: It is no image, or a damaged one.
        UnsupportedError: A format that is not read, or a color conversion that is not defined.
        MissingExtraError: Pillow is not installed.
    """
    kind, shape, dtype = _header(data, ndim)
    return decode_image(data, kind, shape, dtype, color)


def open_image_file(data: bytes) -> Any:
    """The file as a ``PIL.Image.Image``. Errors as :func:`decode_image_file`."""
    kind, shape, dtype = _header(data, 3)
    return decode_picture(data, kind, shape, dtype)


def _header(data: bytes, ndim: int) -> tuple[str, tuple[int, ...], np.dtype[Any]]:
    pillow = import_extra("PIL.Image", "reading image files", "python")
    try:
        with pillow.open(BytesIO(data)) as image:
            width, height = image.size
            channels = len(image.getbands())
            dtype = np.dtype(_DTYPES.get(image.mode, "uint8"))
            kind = str(image.format).lower()
    except PenstockError:
        raise
    except Exception as error:
        # Pillow's plugins raise whatever their parsing trips over.
        raise DecodeError(f"the file is no image that can be read: {error}") from error
    if channels == 1 and ndim != 3:
        return kind, (height, width), dtype
    return kind, (height, width, channels), dtype
