"""Fixtures of the tests of Deep Lake 4, which run where its package is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.lake4_datasets import MAKERS
from support.once import written_once


@pytest.fixture(scope="session")
def lake4(deeplake4: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the path of a dataset of ``support.lake4_datasets.MAKERS``, written once a session: only to read."""
    return written_once(MAKERS, tmp_path_factory)
