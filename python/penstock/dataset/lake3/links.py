"""Samples that are links to files elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from penstock.errors import DecodeError, LinkNotFoundError, StorageError, UnsupportedError

__all__ = ["naming_link", "read_link"]

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def read_link(stored: bytes) -> bytes:
    """The file that a sample of a tensor of links names.

    Args:
        stored: The sample's bytes: a path, as Deep Lake wrote it. A relative one counts from the working directory, as
            in Deep Lake.

    Raises:
        LinkNotFoundError: There is no such file.
        StorageError: It cannot be read.
        UnsupportedError: A URL: only files of this machine are read yet.
        DecodeError: The bytes are no path.
    """
    try:
        link = stored.decode("utf-8")
    except UnicodeDecodeError:
        raise DecodeError(f"the link is not UTF-8: {stored[:60]!r}") from None
    if scheme := _URL.match(link):
        raise UnsupportedError(
            f"the link '{link}' leads to {scheme[1]}://, and only links to local files are read yet"
        )
    if "\0" in link:
        raise DecodeError(f"the link {link[:60]!r} is no path")
    path = Path(link)
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        where = "" if path.is_absolute() else f" in the working directory, '{Path.cwd()}'"
        raise LinkNotFoundError(
            f"the linked file '{link}' is not there{where}", hint="Restore it, or link the sample anew"
        ) from None
    except OSError as error:
        raise StorageError(f"cannot read the linked file '{link}': {error.strerror or error}") from error


@contextmanager
def naming_link(stored: bytes) -> Iterator[None]:
    """Puts a link that :func:`read_link` has read before what is said of its file."""
    try:
        yield
    except (DecodeError, UnsupportedError) as error:
        error.cause = f"the linked file '{stored.decode()}': {error.cause}"
        raise
