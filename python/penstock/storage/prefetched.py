"""Metadata that is read before it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from penstock.storage.store import Store

__all__ = ["PrefetchedStore", "prefetch", "read_anew"]


class ManyStore(Store, Protocol):
    """A store that answers several requests at a time."""

    def read_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Whole files; None for what is not there. Raises StorageError."""

    def read_start(self, key: str, length: int) -> tuple[bytes, int]:
        """The first bytes of a file and its size."""

    def within(self, folder: str) -> ManyStore:
        """The files under a folder."""


class PrefetchedStore:
    """A store of which small files can be read side by side, and kept: each step of opening a dataset then costs one
    round trip, however many files it reads. What is missing is remembered too. From one thread at a time.

    Args:
        store: Reads several files at a time.
    """

    def __init__(self, store: ManyStore) -> None:
        self._store = store
        self._kept: dict[str, bytes | None] = {}

    @property
    def remote(self) -> bool:
        """Whether the store is."""
        return self._store.remote

    @property
    def root(self) -> str:
        """The dataset's path or URL."""
        return self._store.root

    def prefetch(self, keys: Iterable[str]) -> None:
        """Reads files, or finds that they are not there. Raises StorageError."""
        wanted = [key for key in dict.fromkeys(keys) if key not in self._kept]
        if wanted:
            self._kept.update(zip(wanted, self._store.read_many(wanted), strict=True))

    def exists(self, key: str) -> bool:
        """Whether there is a file of this key."""
        return self._kept[key] is not None if key in self._kept else self._store.exists(key)

    def size(self, key: str) -> int:
        """Size of a file in bytes. Raises FileNotFoundError or StorageError."""
        return len(self.read(key)) if key in self._kept else self._store.size(key)

    def read(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """As the store does; what was read before without asking it."""
        if key not in self._kept:
            return self._store.read(key, offset, length)
        kept = self._kept[key]
        if kept is None:
            raise FileNotFoundError(key)
        return kept[offset : None if length is None else offset + length]

    def read_start(self, key: str, length: int) -> tuple[bytes, int]:
        """The first bytes of a file and its size, by one request."""
        return self._store.read_start(key, length)

    def within(self, folder: str) -> PrefetchedStore:
        """The files under a folder, none of them read before."""
        return PrefetchedStore(self._store.within(folder))

    def for_core(self) -> Any:
        """What the store has for it."""
        return self._store.for_core()

    @property
    def whole(self) -> Store:
        """The store, which keeps nothing."""
        return self._store

    def anew(self) -> PrefetchedStore:
        """The same files, none of them read before."""
        return PrefetchedStore(self._store)

    def __repr__(self) -> str:
        return f"PrefetchedStore({self._store!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (PrefetchedStore, (self._store,))


def prefetch(store: Store, keys: Iterable[str]) -> None:
    """Reads small files side by side where that saves round trips. Raises StorageError."""
    if isinstance(store, PrefetchedStore):
        store.prefetch(keys)


def read_anew(store: Store) -> Store:
    """The same files as they are now."""
    return store.anew() if isinstance(store, PrefetchedStore) else store
