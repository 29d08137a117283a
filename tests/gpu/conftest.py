"""Fixtures of the tests that need a GPU. Without one they are skipped; `tools/gpu-check --run` runs them on one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from support.gpu_lakes import GPU_LAKES
from support.once import lakes
from support.require import require


@pytest.fixture
def gpu(native: object) -> torch.device:
    """The first GPU."""
    device: torch.device = require("gpu")
    return device


@pytest.fixture(scope="session")
def gpu_lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """As the fixture ``lake``, of the datasets of ``support.gpu_lakes.GPU_LAKES``."""
    return lakes(GPU_LAKES, request, tmp_path_factory)
