"""What is stored of an image file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from penstock.errors import DatasetFormatError, DecodeError, UnsupportedError
from penstock.format import decode_image
from penstock.format.image_header import read_image_header
from penstock.ingest.converting import converted
from penstock.ingest.options import IngestOptions
from penstock.ingest.turning import upright

__all__ = ["Stored", "stored_image"]


class Stored(NamedTuple):
    """An image as it is stored.

    Attributes:
        data: The file.
        turned: How it was turned upright: "kept", "lossless" or "encoded".
        converted: Whether it had another format.
    """

    data: bytes
    turned: str
    converted: bool


def stored_image(file: Path, kind: str, compression: str, options: IngestOptions) -> Stored:
    """A file's bytes, turned and converted as the options say.

    Args:
        file: The image file.
        kind: Its format.
        compression: The format that the dataset has: "jpeg" or "png".
        options: See there.

    Raises:
        DatasetFormatError: The image is damaged, or cannot be converted.
        OSError: The file cannot be read.
        MissingExtraError: Pillow is not installed.
    """
    data = file.read_bytes()
    if options.check and kind in ("jpeg", "png"):
        _check(data, kind, file)
    apply = options.exif == "apply"
    if kind != compression:
        data, turned = converted(data, kind, compression, options.quality, file, upright=apply)
        return Stored(data, "lossless" if turned else "kept", True)
    return Stored(*(upright(data, kind, file) if apply else (data, "kept")), False)


def _check(data: bytes, kind: str, file: Path) -> None:
    """Raises DatasetFormatError for an image that cannot be decoded."""
    try:
        deep = kind == "png" and data[24] == 16 and data[25] == 0
        shape = read_image_header(data, kind).shape
        decode_image(data, kind, shape, np.uint16 if deep else np.uint8)
    except UnsupportedError:
        # It is sound, and of a kind that is not decoded here.
        return
    except (DecodeError, IndexError) as error:
        cause = error.cause if isinstance(error, DecodeError) else "it ends within its head"
        raise DatasetFormatError(
            f"the image '{file}' is damaged: {cause}",
            hint="Mend the file, or leave out all files that are bad (--skip-bad, skip_bad=True)",
        ) from error
