"""Comparing a dataset elsewhere with one in a directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import penstock

__all__ = ["assert_same_batches"]


def assert_same_batches(lake: Path, url: str, creds: Any) -> None:
    """Metadata, and shuffled batches of both loaders, of a dataset that has a tensor "labels"."""
    here, there = penstock.open(lake), penstock.open(url, creds=creds)
    assert there.fingerprint() == here.fingerprint()
    for loader_type in ("python", "c++"):
        options: dict[str, Any] = {"batch_size": 3, "loader_type": loader_type, "shuffle": True, "seed": 1}
        with (
            penstock.DataLoader(here, **options) as one,
            penstock.DataLoader(url, creds=creds, num_workers=2, **options) as other,
        ):
            for ours, theirs in zip(other, one, strict=True):
                assert ours["labels"][0].tolist() == theirs["labels"][0].tolist()
