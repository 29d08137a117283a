"""Fixtures of the tests of frameworks."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.clients import Batches, own_epochs, unpack
from support.require import require


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What frameworks warn of is theirs: of loggers, of few workers, of modules that moved. Our own warnings are errors
    as elsewhere."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("error:penstock"))
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of ``tests/data/frameworks``."""
    require("native")
    return unpack(tmp_path_factory.mktemp("frameworks") / "dataset")


@pytest.fixture(scope="session")
def own(path: Path) -> list[Batches]:
    """Two epochs of a loader in a plain loop, alone."""
    return own_epochs(path)
