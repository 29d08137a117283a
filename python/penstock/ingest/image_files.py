"""Image files: which ones are in a folder, and of what format, by their first bytes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from penstock.errors import DatasetFormatError, StorageError
from penstock.ingest.options import OddFiles

__all__ = ["IMAGE_SUFFIXES", "files_below", "format_of", "shared_format"]

#: Of files that are taken for images where a folder is searched.
IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp", ".mpo")
)
#: Formats that a tensor of images can hold.
_STORED = ("jpeg", "png")
_SIGNATURES = (
    ("jpeg", b"\xff\xd8\xff"),
    ("png", b"\x89PNG\r\n\x1a\n"),
    ("gif", b"GIF8"),
    ("bmp", b"BM"),
    ("tiff", b"II*\0"),
    ("tiff", b"MM\0*"),
)


def files_below(folder: Path) -> list[Path]:
    """All files in a directory and the directories below, by their names; hidden ones are passed over, and links are
    followed.

    Raises:
        StorageError: A directory that cannot be read.
    """
    found: list[Path] = []
    seen: set[str] = set()

    def failed(error: OSError) -> None:
        raise StorageError(f"the directory '{error.filename}' cannot be read: {error.strerror}") from error

    for place, folders, names in os.walk(folder, onerror=failed, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            # A link that leads upwards.
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted(found)


def format_of(start: bytes) -> str | None:
    """The format of an image file by its first twelve bytes: "jpeg", "png", "gif", "bmp", "tiff", "webp" or None."""
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "webp"
    return next((name for name, signature in _SIGNATURES if start.startswith(signature)), None)


def shared_format(files: Sequence[Path], convert: str | None, odd: OddFiles) -> tuple[list[str | None], str]:
    """The format of each file, and the one that they are stored in: "jpeg" or "png". The format of a bad file that is
    left out is None.

    Raises:
        StorageError: A file that is missing or cannot be read.
        DatasetFormatError: Files that are no images; without ``convert`` also files of other formats than JPEG and PNG,
            or some of each.
    """
    formats = [_format_of_file(file, convert, odd) for file in files]
    found: dict[str, Path] = {}
    for kind, file in zip(formats, files, strict=True):
        if kind is not None:
            found.setdefault(kind, file)
    if convert is not None:
        return formats, convert
    if len(found) > 1:
        one, other = list(found.items())[:2]
        raise DatasetFormatError(
            f"a tensor of images has one compression, and '{one[1]}' is {one[0]}, '{other[1]}' is {other[0]}",
            hint=f"Convert them while they are stored (--convert png: without loss, --convert jpeg: smaller): "
            f"{formats.count(one[0])} are {one[0]}, {formats.count(other[0])} {other[0]}",
        )
    return formats, next(iter(found), "jpeg")


def _format_of_file(file: Path, convert: str | None, odd: OddFiles) -> str | None:
    try:
        with file.open("rb") as stream:
            start = stream.read(12)
    except OSError as error:
        cause = StorageError(f"the image '{file}' cannot be read: {error.strerror}")
        odd.bad(file, "missing" if isinstance(error, FileNotFoundError) else "cannot be read", cause)
        return None
    kind = format_of(start)
    if kind is None or (convert is None and kind not in _STORED):
        hint = None if kind is None else "Convert such files while they are stored (--convert jpeg or png)"
        odd.bad(file, "no image", DatasetFormatError(f"'{file}' is neither a JPEG nor a PNG file", hint=hint))
        return None
    return kind
