"""``timeout`` counts with and without worker processes, and says the same with either loader type."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import penstock
from penstock.errors import LoaderTimeoutError, PenstockError

WORDS = r"DataLoader timed out after 0\.3 seconds"


def slow(sample: dict[str, Any]) -> dict[str, Any]:
    time.sleep(2)
    return sample


def same(sample: dict[str, Any]) -> dict[str, Any]:
    return sample


@pytest.mark.parametrize(
    ("loader_type", "workers", "stage"),
    [
        ("c++", 0, "the batch is read and decoded, and Python's part of it"),
        ("c++", 1, "a worker process has the batch"),
        ("python", 0, "Python has not read, decoded and transformed"),
        ("python", 1, "Python has not read, decoded and transformed"),
    ],
)
def test_a_transform_that_takes_too_long(
    loader_type: str, workers: int, stage: str, lake: Callable[[str], Path], native: Any
) -> None:
    loader = penstock.DataLoader(
        lake("equal_images"),
        1,
        tensors=["jpegs"],
        transform=slow,
        loader_type=loader_type,
        num_workers=workers,
        timeout=0.3,
    )
    start = time.monotonic()
    with loader, pytest.raises(LoaderTimeoutError, match=WORDS) as caught:
        next(iter(loader))
    assert time.monotonic() - start < 10
    assert stage in str(caught.value)
    # What torch's own loader raises is caught by those who expect that.
    assert isinstance(caught.value, PenstockError)
    assert isinstance(caught.value, RuntimeError)
    assert isinstance(caught.value, TimeoutError)


def test_a_read_that_takes_too_long(lake: Callable[[str], Path], native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = lake("equal_images")

    class Slow:
        def size(self, key: str) -> int:
            return (path / key).stat().st_size

        def read(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
            time.sleep(1.5)
            return (path / key).read_bytes()[offset:][:length]

    monkeypatch.setattr("penstock.loading.native.loader.native_store", lambda source: Slow())
    with (
        penstock.DataLoader(path, 1, tensors=["jpegs"], loader_type="c++", timeout=0.3) as loader,
        pytest.raises(LoaderTimeoutError, match=WORDS) as caught,
    ):
        next(iter(loader))
    text = str(caught.value)
    assert "batch 0 of this iteration waits for storage, which has not answered: 'jpegs/chunks/" in text
    assert "see whether the storage answers" in text


@pytest.mark.parametrize("transform", [None, same])
@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_time_enough_changes_nothing(
    loader_type: str, transform: Any, lake: Callable[[str], Path], native: Any
) -> None:
    arguments: dict[str, Any] = {"tensors": ["jpegs"], "transform": transform, "loader_type": loader_type}
    with (
        penstock.DataLoader(lake("equal_images"), 5, timeout=30, **arguments) as limited,
        penstock.DataLoader(lake("equal_images"), 5, **arguments) as unlimited,
    ):
        for one, other in zip(limited, unlimited, strict=True):
            assert torch.equal(one["jpegs"], other["jpegs"])
