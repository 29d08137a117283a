"""Image files by Pillow."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from penstock.errors import DecodeError, UnsupportedError
from penstock.extras import import_extra
from penstock.format.codecs import IMAGE_FILES
from penstock.format.limits import DAMAGED_IMAGE, check_pixel_count, check_scans

__all__ = ["Color", "gray_of", "load_picture", "pixels_of", "to_picture"]

Color = Literal["native", "rgb", "bgr", "gray"]

# What Pillow reduces to RGB by dropping alpha, repeating gray and looking up palettes, and nothing else.
_CONVERTIBLE = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA"})


def load_picture(data: bytes | memoryview, compression: str, shape: tuple[int, ...], *, luma: bool = False) -> Any:
    """The ``PIL.Image.Image`` of an image file, its pixels decoded.

    Args:
        data: The file.
        compression: Deep Lake's name of its format, one of ``IMAGE_FILES``.
        shape: What the dataset states, (height, width) first.
        luma: Of a JPEG, the luma alone as it is stored: libjpeg leaves the other components out.

    Raises:
        DecodeError: The file is damaged, or of another format or size than stated.
        UnsupportedError: A JPEG that stores no luma.
        MissingExtraError: Pillow is not installed.
    """
    pillow_name = IMAGE_FILES[compression]
    check_pixel_count(shape)
    if pillow_name == "JPEG":
        check_scans(data)
    pillow = import_extra("PIL.Image", f"decoding {pillow_name} images", "python")
    try:
        image = pillow.open(BytesIO(data), formats=(pillow_name,))
        width, height = image.size
        if (height, width) != shape[:2]:
            # Before the pixels are decoded: a small file can claim a huge image.
            raise DecodeError(
                f"{pillow_name}: the image is {height} x {width} (height x width), the dataset says "
                f"{shape[0]} x {shape[1]}"
            )
        if luma and pillow_name == "JPEG":
            _check_channels(image, shape)
            if image.mode != "CMYK":
                _check_convertible(image)
                image.draft("L", None)
        image.load()
        return image
    except (DecodeError, UnsupportedError, MemoryError):
        raise
    except pillow.UnidentifiedImageError:
        # Pillow's own words name an object in memory.
        raise DecodeError(f"{pillow_name}: the data is no such image", hint=DAMAGED_IMAGE) from None
    except Exception as error:
        # Pillow's plugins raise whatever their parsing trips over: OSError, SyntaxError, struct.error and
        # more.
        raise DecodeError(f"{pillow_name}: {error}", hint=DAMAGED_IMAGE) from error


def pixels_of(image: Any, shape: tuple[int, ...], dtype: np.dtype[Any], color: Color) -> npt.NDArray[Any]:
    """The pixels of a picture from :func:`load_picture`, an array of its own: see ``decode_image``.

    Raises:
        DecodeError: Another number of channels than ``shape`` states.
        UnsupportedError: A color conversion that is not defined.
    """
    if color == "gray" and image.format in ("JPEG", "MPO") and image.mode != "CMYK":
        return np.array(image)
    _check_channels(image, shape)
    if color == "native":
        return np.array(image).reshape(shape).astype(dtype, copy=False)
    if image.mode == "CMYK" and image.format in ("JPEG", "MPO"):
        return _of_cmyk(np.array(image), color)
    _check_convertible(image)
    rgb = np.array(image.convert("RGB"))
    if color == "gray":
        return gray_of(rgb)
    return rgb if color == "rgb" else np.ascontiguousarray(rgb[:, :, ::-1])


def gray_of(rgb: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """0.299 and 0.587 in 15 bits and the rest, all cut: libpng's, by which OpenCV reads color as gray."""
    weighted = rgb.astype(np.uint32) @ np.array([9797, 19234, 3737], dtype=np.uint32)
    return (weighted >> 15).astype(np.uint8)


def _of_cmyk(inverted: npt.NDArray[Any], color: Color) -> npt.NDArray[Any]:
    """A JPEG of CMYK, which Pillow inverts, as OpenCV converts it: integers, all cut."""
    stored = 255 - inverted.astype(np.int32)
    black = stored[:, :, 3:]
    rgb = black - ((255 - stored[:, :, :3]) * black >> 8)
    if color == "gray":
        weighted = rgb @ np.array([4899, 9617, 1868], dtype=np.int32)
        return ((weighted + (1 << 13)) >> 14).astype(np.uint8)
    return np.ascontiguousarray((rgb if color == "rgb" else rgb[:, :, ::-1]).astype(np.uint8))


def _check_channels(image: Any, shape: tuple[int, ...]) -> None:
    channels = len(image.getbands())
    stated = 1 if len(shape) == 2 else shape[2]
    if channels != stated:
        raise DecodeError(f"{image.format}: the image has {channels} channels, the dataset says {stated}")


def _check_convertible(image: Any) -> None:
    if image.mode not in _CONVERTIBLE:
        raise UnsupportedError(f"{image.format}: color conversion from mode {image.mode} is not supported")


def to_picture(pixels: npt.NDArray[Any]) -> Any:
    """A ``PIL.Image.Image`` of an array (height, width) or (height, width, channels).

    Raises:
        UnsupportedError: Pillow has no pictures of such elements.
        MissingExtraError: Pillow is not installed.
    """
    pillow = import_extra("PIL.Image", "decoding to PIL images", "python")
    try:
        return pillow.fromarray(pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)
    except TypeError:
        raise UnsupportedError(
            f"Pillow has no images of the shape {pixels.shape} of {pixels.dtype}", hint="Decode it to 'numpy'"
        ) from None
