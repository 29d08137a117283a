"""Optional dependencies of tests: skipped where they are missing, unless the run promises them.

The environment variable PENSTOCK_REQUIRE lists what has to be there ("native,deeplake,mmdet,coco"): then a
missing one fails the test, so that a broken build cannot pass by skipping.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

__all__ = ["PROJECT_ROOT", "require"]

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def require(name: str) -> Any:
    """What ``name`` stands for, or a skip (a failure where PENSTOCK_REQUIRE names it).

    Args:
        name: "deeplake" or "mmdet": the module. "native": the module ``penstock._core``. "coco": the Path of
            the small COCO data set that lies next to the project.
    """
    try:
        return _PROVIDERS[name]()
    except (ImportError, FileNotFoundError) as error:
        reason = f"{name} is missing: {error}"
        if name in os.environ.get("PENSTOCK_REQUIRE", "").split(","):
            pytest.fail(f"{reason} (PENSTOCK_REQUIRE promises it)", pytrace=False)
        pytest.skip(reason)


def _coco() -> Path:
    path = PROJECT_ROOT.parent / "shared" / "data" / "coco-mini"
    if not (path / "annotations").is_dir():
        raise FileNotFoundError(f"no COCO annotations in {path}")
    return path


_PROVIDERS: dict[str, Callable[[], Any]] = {
    "deeplake": lambda: importlib.import_module("deeplake"),
    "mmdet": lambda: importlib.import_module("mmdet"),
    "native": lambda: importlib.import_module("penstock._core"),
    "coco": _coco,
}
