"""``cache_size`` as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.dataset.lake3.dataset import Lake3Dataset
from penstock.loading.disk_cache import disk_cache_of
from support.far import far_dataset


@pytest.fixture(scope="module")
def far(lake: object) -> Lake3Dataset:
    return far_dataset(Path(lake("annotations")))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("size", "count"),
    [
        (1, 1),
        ("1000", 1000),
        ("50GB", 50 * 10**9),
        ("50 gb", 50 * 10**9),
        ("1.5k", 1500),
        ("2MiB", 2 * 2**20),
        (" 3 TiB ", 3 * 2**40),
        ("10B", 10),
        (None, None),
    ],
)
def test_sizes(size: int | str | None, count: int | None, far: Lake3Dataset) -> None:
    cache = disk_cache_of(far, "folder", size, native=True)
    assert cache is not None and cache.size == count
    assert cache.folder == str(Path.cwd() / "folder") and cache.roots == (far.path,)
