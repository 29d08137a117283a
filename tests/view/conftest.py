"""A dataset to look at, and the server that shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.view.server import ViewServer
from support.seen_lakes import write_seen_lake
from support.view_clients import viewing


@pytest.fixture(scope="session")
def seen(deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To read only."""
    return write_seen_lake(tmp_path_factory.mktemp("seen") / "lake")


@pytest.fixture
def server(seen: Path) -> Iterator[ViewServer]:
    with viewing(seen) as server:
        yield server
