"""Image files, by their first bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from penstock.errors import DatasetFormatError, StorageError

__all__ = ["find_images"]

_SIGNATURES = {"jpeg": b"\xff\xd8\xff", "png": b"\x89PNG\r\n\x1a\n"}


def find_images(folder: Path, names: Sequence[str]) -> tuple[list[Path], str]:
    """The files and the compression that they share, "jpeg" or "png".

    Raises:
        StorageError: A file that is missing or cannot be read.
        DatasetFormatError: Files that are neither JPEG nor PNG, or some of each.
    """
    files = [folder / name for name in names]
    found: dict[str, Path] = {}
    for file in files:
        found.setdefault(_compression(file), file)
    if len(found) > 1:
        one, other = list(found.items())[:2]
        raise DatasetFormatError(
            f"a tensor of images has one compression, and '{one[1]}' is {one[0]}, '{other[1]}' is {other[0]}",
            hint="Ingest them as two datasets, or convert the fewer ones",
        )
    return files, next(iter(found), "jpeg")


def _compression(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            start = stream.read(8)
    except OSError as error:
        raise StorageError(f"the image '{file}' cannot be read: {error.strerror}") from error
    for compression, signature in _SIGNATURES.items():
        if start.startswith(signature):
            return compression
    raise DatasetFormatError(f"'{file}' is neither a JPEG nor a PNG file")
