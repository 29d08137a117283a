"""A notebook that is none: what a cell displays is kept."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

__all__ = ["pretend_notebook"]


def pretend_notebook(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is displayed, as long as the patch lasts."""
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
