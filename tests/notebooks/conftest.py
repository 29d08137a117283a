"""A notebook that is none: what a cell displays is kept."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from support.seen_lakes import write_seen_lake


@pytest.fixture(scope="session")
def seen(deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To read only."""
    return write_seen_lake(tmp_path_factory.mktemp("seen") / "lake", 8)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is displayed."""
    displayed: list[Any] = []
    ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
    shell = SimpleNamespace(kernel=object())
    ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]
    ipython.version_info = (9, 0, 0)  # type: ignore[attr-defined]
    ipython.display = display  # type: ignore[attr-defined]
    display.display = displayed.append  # type: ignore[attr-defined]
    display.Image = lambda data: data  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return displayed
