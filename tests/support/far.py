"""Datasets that count as remote, though they lie here."""

from __future__ import annotations

import time
from pathlib import Path

from penstock.dataset.lake3.dataset import Lake3Dataset
from penstock.storage.local import LocalStore
from penstock.storage.store import Store

__all__ = ["far_dataset"]


class _FarStore(LocalStore):
    @property
    def remote(self) -> bool:
        return True


class _SlowStore(_FarStore):
    """Read through Python, each read after some time, and over a link of some bytes a second. Sizes are known."""

    def __init__(self, root: str, latency: float, bandwidth: float) -> None:
        super().__init__(root)
        self._latency = latency
        self._bandwidth = bandwidth

    def for_core(self) -> Store:  # type: ignore[override]
        return self

    def read(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        data = super().read(key, offset, length)
        time.sleep(self._latency + len(data) / self._bandwidth)
        return data


def far_dataset(path: Path, latency: float = 0, bandwidth: float = 0) -> Lake3Dataset:
    """The dataset of a directory, read from there, as one that is remote.

    Args:
        path: The directory.
        latency: Of each read, in seconds.
        bandwidth: Of each read, in bytes a second; 0: the core reads the directory itself, as fast as it can.
    """
    return Lake3Dataset(_SlowStore(str(path), latency, bandwidth) if bandwidth else _FarStore(str(path)))
