"""Reading a dataset through a storage provider of Deep Lake's."""

from __future__ import annotations

from typing import Any

from penstock.errors import StorageError

__all__ = ["ProviderStore"]

# Themselves alone: a class of a user's own that inherits from them may read from anywhere.
_AT_HAND = ("LocalProvider", "MemoryProvider")


class ProviderStore:
    """The files that a storage provider has. What it reads, and with which credentials, is the provider's business.

    Args:
        provider: A ``deeplake.core.storage.StorageProvider`` without caches: those are not safe to use from threads.
        root: The dataset's path or URL.
        folder: Of the provider's files, those under this one.
    """

    def __init__(self, provider: Any, root: str, folder: str = "") -> None:
        self._provider = provider
        self._root = root
        self._prefix = f"{folder}/" if folder else ""

    @property
    def root(self) -> str:
        """The dataset's path or URL."""
        return self._root

    @property
    def remote(self) -> bool:
        """Whether the provider is any but those of directories and of memory."""
        return type(self._provider).__name__ not in _AT_HAND

    def within(self, folder: str) -> ProviderStore:
        """The files under a folder."""
        return ProviderStore(self._provider, f"{self._root}/{folder}", self._prefix + folder)

    def for_core(self) -> ProviderStore:
        """This object, which the core calls."""
        return self

    def exists(self, key: str) -> bool:
        """Whether there is a file of this key."""
        try:
            # Asked for its size, S3's provider does not tell a missing file from other failures.
            self.read(key, 0, 1)
        except FileNotFoundError:
            return False
        return True

    def size(self, key: str) -> int:
        """Size of a file in bytes. Raises FileNotFoundError or StorageError."""
        try:
            return int(self._provider.get_object_size(self._prefix + key))
        except NotImplementedError:
            return len(self.read(key))
        except Exception as error:
            raise self._failed(key, error) from error

    def read(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes of a file from ``offset`` on, at most ``length`` of them: fewer where the file ends before.

        Raises:
            FileNotFoundError: There is no such file.
            StorageError: It cannot be read.
        """
        try:
            if offset == 0 and length is None:
                return bytes(self._provider[self._prefix + key])
            if length == 0:
                return b""
            end = None if length is None else offset + length
            return bytes(self._provider.get_bytes(self._prefix + key, offset, end))
        except Exception as error:
            raise self._failed(key, error) from error

    def __reduce__(self) -> tuple[Any, ...]:
        if type(self._provider).__name__ == "MemoryProvider":
            raise StorageError(
                "a dataset in memory cannot be handed to another process",
                path=self._root,
                hint="Use num_workers=0, or workers that are forked (multiprocessing_context='fork')",
            )
        return (ProviderStore, (self._provider, self._root, self._prefix[:-1]))

    def _failed(self, key: str, error: Exception) -> Exception:
        # Providers raise KeyError for what is not there, whatever their storage calls it.
        if isinstance(error, (KeyError, FileNotFoundError)):
            return FileNotFoundError(key)
        return StorageError(f"cannot read '{key}': {type(error).__name__}: {error}", path=self._root)
