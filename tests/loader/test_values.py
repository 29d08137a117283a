"""Text, JSON and polygons in batches: lists of what deeplake returns, whatever else the loader does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import penstock
from penstock.loading.native import loader as native_loader
from support.same import assert_same

Lake = Callable[[str], Path]

TENSORS = ["raw/text", "lz4_sample/json", "lz4_chunk/list", "lz4_sample/tag"]


def batches(path: Path, loader_type: str, **arguments: Any) -> list[Any]:
    """Two shuffled epochs."""
    options = {"tensors": TENSORS, "shuffle": True, "seed": 5, "return_index": True, **arguments}
    with penstock.DataLoader(path, 3, loader_type=loader_type, **options) as loader:
        return [batch for _ in range(2) for batch in loader]


def check(found: list[Any], path: Path) -> None:
    source = penstock.open(path)
    assert len(found) == 2 * 3
    for batch in found:
        for name in TENSORS:
            expected = [source[name][index] for index in batch["index"].tolist()]
            assert_same(batch[name], expected, name)


@pytest.mark.parametrize("arguments", [{}, {"num_workers": 2}, {"chunk_cache_bytes": 0}], ids=str)
@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_values_are_those_of_the_tensors(loader_type: str, arguments: Any, lake: Lake, native: Any) -> None:
    check(batches(lake("texts"), loader_type, **arguments), lake("texts"))


def test_the_bytes_may_lie_in_memory_from_python(lake: Lake, native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for pinned memory where there is no GPU."""

    def allocate(size: int) -> tuple[int, torch.Tensor]:
        memory = torch.empty(size, dtype=torch.uint8)
        return memory.data_ptr(), memory

    monkeypatch.setattr(native_loader, "_allocate_pinned", allocate)
    monkeypatch.setattr(native_loader.NativeLoader, "_pins_slabs", True)
    check(batches(lake("texts"), "c++"), lake("texts"))


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_transforms_see_values_beside_arrays(loader_type: str, lake: Lake, native: Any) -> None:
    def transform(sample: dict[str, Any]) -> dict[str, Any]:
        assert isinstance(sample["outline"], list)
        return {"text": sample["note"].item(), "corners": np.array(sum(map(len, sample["outline"])))}

    tensors = {"note": "notes", "outline": "outlines"}
    path = lake("branched")
    with penstock.DataLoader(path, 4, tensors=tensors, transform=transform, loader_type=loader_type) as loader:
        batch = next(iter(loader))
    assert batch["text"][1:] == ["note 1", "note 2", "note 3"]
    assert batch["corners"].tolist() == [3, 3, 3, 3]


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_polygons_are_lists_of_arrays(loader_type: str, lake: Lake, native: Any) -> None:
    path = lake("polygons")
    with penstock.DataLoader(path, 5, tensors=["raw/varying"], loader_type=loader_type) as loader:
        (batch,) = loader
    assert [[part.shape for part in sample] for sample in batch["raw/varying"]] == [
        [(4, 2)],
        [(3, 2), (4, 2)],
        [],
        [],
        [(4, 2), (4, 2)],
    ]
