"""The list of a bucket's objects."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from penstock.errors import AccessDeniedError, DatasetNotFoundError, StorageError
from penstock.extras import import_extra
from penstock.storage.address import Address

__all__ = ["StoredFile", "list_files"]


class StoredFile(NamedTuple):
    """An object of a bucket.

    Attributes:
        key: Relative to the folder that was listed.
        size: In bytes.
        modified: When it was written, in seconds since 1970.
    """

    key: str
    size: int
    modified: float


def list_files(lister: Any, address: Address) -> list[StoredFile]:
    """All objects under a folder.

    Args:
        lister: A store of obstore's for the bucket.
        address: The folder.

    Raises:
        MissingExtraError: obstore is not installed.
        DatasetNotFoundError: There is no such bucket.
        AccessDeniedError, StorageError: The list may not or cannot be read.
    """
    obstore = import_extra("obstore", "the list of a bucket's objects", "remote")
    folder = f"{address.key}/" if address.key else ""
    found: list[StoredFile] = []
    why: Exception | None = None
    try:
        for batch in obstore.list(lister, prefix=folder or None):
            found += [
                StoredFile(meta["path"][len(folder) :], meta["size"], meta["last_modified"].timestamp())
                for meta in batch
                # A bucket may have a key with a slash at its end, to look like a folder.
                if meta["path"].startswith(folder) and meta["path"] != folder
            ]
    except Exception as error:
        # Its text may hold an address with a signature: nothing of it goes on, not even as the context of another.
        why = _cannot_list(error, address)
    if why is not None:
        raise why
    return found


def _cannot_list(error: Exception, address: Address) -> Exception:
    name = type(error).__name__
    if isinstance(error, FileNotFoundError):
        return DatasetNotFoundError(f"there is no bucket '{address.bucket}'", path=address.text)
    if name in ("PermissionDeniedError", "UnauthenticatedError"):
        return AccessDeniedError(
            "the bucket's list may not be read",
            path=address.text,
            hint="Give creds that permit s3:ListBucket or its like",
        )
    status = re.search(r"status code: (\d{3})", str(error))
    return StorageError(f"the bucket's list cannot be read ({status[1] if status else name})", path=address.text)
