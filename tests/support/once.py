"""Datasets that are written once for many tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

__all__ = ["written_once"]


def written_once(
    makers: Mapping[str, Callable[[Path], object]], folders: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Gives the path of a dataset by its maker's name; it is written when it is asked for first."""
    made: dict[str, Path] = {}

    def get(name: str) -> Path:
        if name not in made:
            path = folders.mktemp(name) / "dataset"
            makers[name](path)
            made[name] = path
        return made[name]

    return get
