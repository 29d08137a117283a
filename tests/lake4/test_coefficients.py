"""Coefficients of Deep Lake 4's images are kept in memory."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

import penstock
from support.images import jpeg, picture
from support.lake4_datasets import write
from support.same import assert_same

COUNT = 12


@pytest.fixture
def path(deeplake4: Any, tmp_path: Path) -> Path:
    columns = {"images": deeplake4.types.Image(sample_compression="jpeg"), "number": deeplake4.types.Int64()}
    rows = [{"images": jpeg(picture(30 + n, 40, 3, seed=n), subsampling=n % 3), "number": n} for n in range(COUNT)]
    write(tmp_path / "lake", columns, rows)
    return tmp_path / "lake"


@pytest.mark.parametrize("folder", [False, True])
def test_batches_are_those_without_it(
    folder: bool, path: Path, tmp_path: Path, native: Any, caplog: pytest.LogCaptureFixture
) -> None:
    # on_error: no epoch is begun before it is asked for, and what is counted is of the epochs that were.
    options: dict[str, Any] = {"loader_type": "c++", "seed": 3, "shuffle": True, "on_error": "skip"}
    where = {"cache_dir": tmp_path / "cache"} if folder else {}
    with (
        caplog.at_level(logging.WARNING, "penstock"),
        penstock.DataLoader(path, 4, **options) as plain,
        penstock.DataLoader(path, 4, **options, cache="coefficients", **where) as ours,
    ):
        for epoch in range(3):
            assert_same([dict(batch) for batch in ours], [dict(batch) for batch in plain], epoch)
            assert ours.stats()["coefficient_hits"] == epoch * COUNT
    assert ("in memory, not in cache_dir" in caplog.text) == folder
