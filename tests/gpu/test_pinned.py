"""Batches in pinned memory: pinned, right, and overwritten only when the copies out of them are done."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import penstock
from support.gpu_lakes import IMAGES
from support.gpu_work import brighter, kept_copies, tensors_of

Lake = Callable[[str], Path]
BATCH = 4
#: Clock ticks of a GPU, about a second: loading an epoch takes a small part of it.
HELD_BACK = 2_000_000_000
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "one tensor": ("large_images", {"tensors": ["equal", "labels"]}),
    "a list of images": ("large_images", {"tensors": ["unequal"]}),
    "planes": ("large_images", {"tensors": ["equal"], "layout": "nchw"}),
    "planes of floats": ("large_images", {"tensors": ["equal", "unequal"], "layout": "nchw", "dtype": "float16"}),
    "sequences": ("sequences", {"tensors": ["images_jpeg", "boxes"]}),
    "with a transform": ("large_images", {"tensors": ["equal"], "transform": brighter}),
}


def loader_of(path: Path, *, pinned: bool = True, **options: Any) -> penstock.DataLoader:
    return penstock.DataLoader(path, BATCH, loader_type="c++", num_threads=4, pin_memory=pinned, **options)


def expected(path: Path, options: dict[str, Any]) -> list[list[torch.Tensor]]:
    with loader_of(path, pinned=False, **options) as loader:
        return kept_copies(loader)


def assert_equal(found: list[list[torch.Tensor]], wanted: list[list[torch.Tensor]]) -> None:
    assert len(found) == len(wanted)
    for number, (ours, theirs) in enumerate(zip(found, wanted, strict=True)):
        assert len(ours) == len(theirs)
        assert all(torch.equal(one.cpu(), other) for one, other in zip(ours, theirs, strict=True)), f"batch {number}"


@pytest.mark.parametrize("kind", KINDS)
def test_batches_are_pinned_and_right(kind: str, gpu: torch.device, gpu_lake: Lake) -> None:
    name, options = KINDS[kind]
    with loader_of(gpu_lake(name), **options) as loader:
        batches = list(loader)
    assert all(tensor.is_pinned() for batch in batches for tensor in tensors_of(batch) if tensor.numel())
    assert_equal([list(tensors_of(batch)) for batch in batches], expected(gpu_lake(name), options))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_batches_of_worker_processes(method: str, gpu: torch.device, gpu_lake: Lake) -> None:
    options = {"tensors": ["equal"], "transform": brighter}
    path = gpu_lake("large_images")
    with loader_of(path, num_workers=2, multiprocessing_context=method, **options) as loader:
        batches = list(loader)
    assert all(tensor.is_pinned() for batch in batches for tensor in tensors_of(batch))
    assert_equal([list(tensors_of(batch)) for batch in batches], expected(path, options))


def copied_late(
    path: Path, options: dict[str, Any], device: torch.device, epochs: int, ready: int = 2
) -> list[list[torch.Tensor]]:
    """What arrives on the device of each batch, where all copies of an epoch begin after its last batch was loaded.

    Args:
        path, options: Of the loader.
        device: The GPU.
        epochs: How many.
        ready: For so many epochs there is memory before: allocating some may wait for the device.
    """
    stream = torch.cuda.Stream()
    arrived: list[list[torch.Tensor]] = []
    with loader_of(path, **options) as loader:
        held = [batch for _ in range(ready) for batch in loader]
        with torch.cuda.stream(stream):
            there = [[one.to(device) for one in tensors_of(batch)] for batch in held or loader]
        torch.cuda.synchronize()
        del held, there
        for _ in range(epochs):
            with torch.cuda.stream(stream):
                torch.cuda._sleep(HELD_BACK)
            for batch in loader:
                with torch.cuda.stream(stream):
                    arrived.append([one.to(device, non_blocking=True) for one in tensors_of(batch)])
                del batch
            assert not stream.query(), "the copies were not held back: HELD_BACK is too short"
            stream.synchronize()
    return arrived


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "with a transform"])
def test_reuse_waits_for_copies(kind: str, gpu: torch.device, gpu_lake: Lake) -> None:
    name, options = KINDS[kind]
    arrived = copied_late(gpu_lake(name), options, gpu, epochs=2)
    assert_equal(arrived, expected(gpu_lake(name), options) * 2)


def test_reuse_that_does_not_wait_is_noticed(
    gpu: torch.device, gpu_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail: memory that is given out again at once arrives with what was loaded later."""
    free: list[torch.Tensor] = []

    def allocate(size: int) -> tuple[int, torch.Tensor]:
        fitting = next((block for block in reversed(free) if len(block) >= size), None)
        if fitting is None:
            block = torch.empty(size, dtype=torch.uint8, pin_memory=True)
        else:
            block = fitting
            free[:] = [one for one in free if one is not block]
        lent = block[:]
        weakref.finalize(lent, free.append, block)
        return lent.data_ptr(), lent

    monkeypatch.setattr("penstock.loading.native.loader._allocate_pinned", allocate)
    name, options = KINDS["one tensor"]
    # With memory for a whole epoch at hand, none of it would have to be given out again.
    arrived = copied_late(gpu_lake(name), options, gpu, epochs=1, ready=0)
    with pytest.raises(AssertionError):
        assert_equal(arrived, expected(gpu_lake(name), options))


def test_reuse_takes_place(gpu: torch.device, gpu_lake: Lake) -> None:
    """Memory whose copies are done is used again: few places serve many batches."""
    places, batches = set(), 0
    with loader_of(gpu_lake("large_images"), tensors=["equal"]) as loader:
        for _ in range(8):
            for batch in loader:
                places.add(batch["equal"].data_ptr())
                batches += 1
                batch["equal"].to(gpu, non_blocking=True)
                torch.cuda.synchronize()
    assert batches == 8 * IMAGES // BATCH
    assert len(places) < batches / 2
