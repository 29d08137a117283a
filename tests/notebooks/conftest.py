"""A notebook that is none: what a cell displays is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.notebooks import pretend_notebook
from support.seen_lakes import write_seen_lake


@pytest.fixture(scope="session")
def seen(deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To read only."""
    return write_seen_lake(tmp_path_factory.mktemp("seen") / "lake", 8)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is displayed."""
    return pretend_notebook(monkeypatch)
