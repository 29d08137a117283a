"""What every store can do."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Store"]


class Store(Protocol):
    """The files of a dataset by their keys, such as "images/chunks/1f". Reads only, from any thread."""

    @property
    def root(self) -> str:
        """The dataset's path or URL, for messages."""

    @property
    def remote(self) -> bool:
        """Whether a read waits for a network: what is read together should then be needed together."""

    def exists(self, key: str) -> bool:
        """Whether there is a file of this key."""

    def size(self, key: str) -> int:
        """Size of a file in bytes. Raises FileNotFoundError or StorageError."""

    def read(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes of a file from ``offset`` on, at most ``length`` of them: fewer where the file ends before.

        Raises:
            FileNotFoundError: There is no such file.
            StorageError: It cannot be read.
        """

    def within(self, folder: str) -> Store:
        """The files under a folder."""

    def for_core(self) -> str | Store:
        """What the native core reads the files by: a directory, which it reads itself, or this object."""
