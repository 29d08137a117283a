"""The files of a directory."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from penstock.errors import StorageError

__all__ = ["LocalStore"]


class LocalStore:
    """The files of a directory.

    Args:
        root: The dataset's directory.
    """

    def __init__(self, root: str) -> None:
        self._root = root

    @property
    def root(self) -> str:
        """The dataset's directory."""
        return self._root

    @property
    def remote(self) -> bool:
        """No."""
        return False

    def within(self, folder: str) -> LocalStore:
        """The files under a folder."""
        return LocalStore(f"{self._root}/{folder}")

    def for_core(self) -> str:
        """The directory: the core reads files without Python."""
        return self._root

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
            with open(Path(self.root) / key, "rb", opener=_open_at_once) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise _NoFileError
                if offset:
                    file.seek(offset, os.SEEK_SET)
                return file.read(-1 if length is None else length)
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(key) from None
        except (IsADirectoryError, _NoFileError) as error:
            kind = "a directory" if isinstance(error, IsADirectoryError) else "a FIFO or a device"
            raise StorageError(
                f"'{key}' is {kind}, not a file", path=self.root, hint="Restore the file from a copy of the dataset"
            ) from None
        except OSError as error:
            raise self._failed(key, error) from error

    def _failed(self, key: str, error: OSError) -> StorageError:
        return StorageError(f"cannot read '{key}': {error.strerror or error}", path=self.root)


class _NoFileError(Exception):
    """Of anything else than a file, a read may never return, or never end."""


def _open_at_once(path: str, flags: int) -> int:
    """Means nothing for files; opening a FIFO would wait for its writer without it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # Windows has neither
