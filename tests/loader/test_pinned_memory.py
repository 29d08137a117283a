"""Batches that lie in memory of torch's pinned allocator are views of its own tensors.

torch waits for a copy to a device before it gives such memory out again. It knows which memory a copy reads by the
storage of the tensor that is copied, or by its address where that is the memory's first byte: an array over the memory,
made a tensor, has neither. Here is no GPU: plain memory stands in. tests/gpu waits for copies on a real one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import penstock
from support.gpu_work import tensors_of


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("equal_images", {"tensors": ["jpegs", "raw"]}),
        ("equal_images", {"tensors": ["jpegs"], "layout": "nchw", "dtype": "float32"}),
        ("jpeg_images", {"tensors": ["images"]}),
        ("many_chunks", {"tensors": ["varying/raw", "equal/raw"]}),
        ("sequences", {"tensors": ["images_jpeg"]}),
        ("sequences", {"tensors": ["boxes", "labels"]}),
    ],
)
def test_tensors_are_views_of_the_memory_that_was_given(
    name: str, options: dict[str, Any], lake: Callable[[str], Path], native: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[torch.Tensor] = []

    def allocate(size: int) -> tuple[int, torch.Tensor]:
        given.append(torch.empty(size, dtype=torch.uint8))
        return given[-1].data_ptr(), given[-1]

    monkeypatch.setattr("penstock.loading.native.loader._allocate_pinned", allocate)
    monkeypatch.setattr("penstock.loader.can_pin", lambda: True)
    with penstock.DataLoader(lake(name), 3, loader_type="c++", pin_memory=True, **options) as loader:
        tensors = [tensor for batch in loader for tensor in tensors_of(batch) if tensor.numel()]
    assert tensors
    storages = {memory.untyped_storage()._cdata for memory in given}
    assert [tensor.shape for tensor in tensors if tensor.untyped_storage()._cdata not in storages] == []
    with penstock.DataLoader(lake(name), 3, loader_type="c++", **options) as plain:
        wanted = [tensor for batch in plain for tensor in tensors_of(batch) if tensor.numel()]
    assert all(torch.equal(one, other) for one, other in zip(tensors, wanted, strict=True))
