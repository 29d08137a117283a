"""Datasets that are written once for many tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

__all__ = ["lakes", "written_once"]


def lakes(
    makers: Mapping[str, Callable[[Path], object]], request: pytest.FixtureRequest, folders: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Gives the path of a dataset by its maker's name: from the folder that the environment variable PENSTOCK_LAKES
    names, for a Python that has no deeplake; else it is written when it is asked for first."""
    if written := os.environ.get("PENSTOCK_LAKES"):
        return lambda name: Path(written) / name
    request.getfixturevalue("deeplake")
    return written_once(makers, folders)


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
