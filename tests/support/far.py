"""Datasets that count as remote, though they lie here."""

from __future__ import annotations

from pathlib import Path

from penstock.dataset.lake3.dataset import Lake3Dataset
from penstock.storage.local import LocalStore

__all__ = ["far_dataset"]


class _FarStore(LocalStore):
    @property
    def remote(self) -> bool:
        return True


def far_dataset(path: Path) -> Lake3Dataset:
    """The dataset of a directory, read from there, as one that is remote."""
    return Lake3Dataset(_FarStore(str(path)))
