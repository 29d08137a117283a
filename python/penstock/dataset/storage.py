"""Reading the files of a dataset that lies in a directory."""

from __future__ import annotations

import os
from pathlib import Path

from penstock.errors import StorageError

__all__ = ["LocalStore"]


class LocalStore:
    """The files of a directory, addressed by keys relative to it, such as "images/chunks/1f". Reads only.

    Args:
        root: The dataset's directory.
    """

    def __init__(self, root: str) -> None:
        self.root = root

    def exists(self, key: str) -> bool:
        """Whether there is a file of this key."""
        return (Path(self.root) / key).is_file()

    def size(self, key: str) -> int:
        """Size of a file in bytes. Raises FileNotFoundError or StorageError."""
        try:
            return (Path(self.root) / key).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(key) from None
        except OSError as error:
            raise self._failed(key, error) from error

    def read(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes of a file from ``offset`` on, at most ``length`` of them: fewer where the file ends before.

        Raises:
            FileNotFoundError: There is no such file.
            StorageError: It cannot be read.
        """
        try:
            with (Path(self.root) / key).open("rb") as file:
                if offset:
                    file.seek(offset, os.SEEK_SET)
                return file.read(-1 if length is None else length)
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(key) from None
        except OSError as error:
            raise self._failed(key, error) from error

    def _failed(self, key: str, error: OSError) -> StorageError:
        return StorageError(f"cannot read '{key}': {error.strerror or error}", path=self.root)
