"""Samples that are links to files elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from penstock.errors import DecodeError, LinkNotFoundError, PenstockError, StorageError, UnsupportedError
from penstock.storage.address import is_url, shown
from penstock.storage.links import read_url

__all__ = ["naming_link", "read_link"]


def read_link(stored: bytes) -> bytes:
    """The file that a sample of a tensor of links names.

    Args:
        stored: The sample's bytes: a path or a URL, as Deep Lake wrote it. A relative path counts from the working
            directory, as in Deep Lake. Buckets are read with the credentials of the environment.

    Raises:
        LinkNotFoundError: There is no such file.
        StorageError: It cannot be read.
        UnsupportedError: A URL that nothing reads.
        DecodeError: The bytes are no path.
    """
    try:
        link = stored.decode("utf-8")
    except UnicodeDecodeError:
        raise DecodeError(f"the link is not UTF-8: {stored[:60]!r}") from None
    if is_url(link):
        return _read_url(link)
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


def _read_url(link: str) -> bytes:
    try:
        return read_url(link)
    except FileNotFoundError as error:
        why = f" ({error.cause})" if isinstance(error, PenstockError) else ""
        raised = LinkNotFoundError(
            f"the linked file '{shown(link)}' is not there{why}", hint="Restore it, or link the sample anew"
        )
    except PenstockError as error:
        # What the dataset's own address is, the caller adds.
        error.cause, error.path = f"cannot read the linked file '{shown(link)}': {error.cause}", None
        raise
    raise raised


@contextmanager
def naming_link(stored: bytes) -> Iterator[None]:
    """Puts a link that :func:`read_link` has read before what is said of its file."""
    try:
        yield
    except (DecodeError, UnsupportedError) as error:
        link = stored.decode()
        error.cause = f"the linked file '{shown(link) if is_url(link) else link}': {error.cause}"
        raise
