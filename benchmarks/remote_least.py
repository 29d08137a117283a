"""The least that an epoch can read of a dataset: each chunk once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import penstock

__all__ = ["Least", "least"]


@dataclass(frozen=True)
class Least:
    """Chunks of some tensors.

    Attributes:
        keys: Their names in the dataset.
        size: Bytes of all.
        samples: Of the dataset.
    """

    keys: list[str]
    size: int
    samples: int


def least(lake: Path, tensors: Sequence[str]) -> Least:
    """The chunks that lie in a directory; a dataset that was written once has no others than it uses."""
    files = [file for tensor in tensors for file in sorted((lake / tensor / "chunks").iterdir())]
    keys = [file.relative_to(lake).as_posix() for file in files]
    return Least(keys, sum(file.stat().st_size for file in files), len(penstock.open(str(lake))))
