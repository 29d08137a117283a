"""What a batch is: equal for both loader types and any number of threads, never overwritten, transforms included."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import penstock
from penstock.loading.native import loader as native_loader

Lake = Callable[[str], Path]


def assert_equal(left: Any, right: Any) -> None:
    assert type(left) is type(right)
    if isinstance(left, dict):
        assert list(left) == list(right)
        for key in left:
            assert_equal(left[key], right[key])
    elif isinstance(left, list):
        assert len(left) == len(right)
        for a, b in zip(left, right, strict=True):
            assert_equal(a, b)
    else:
        assert left.dtype == right.dtype
        assert torch.equal(left, right)


def batches(path: Path, **arguments: Any) -> list[Any]:
    """Two epochs of copied batches."""
    with penstock.DataLoader(path, 3, shuffle=True, seed=4, return_index=True, **arguments) as loader:
        return [_copied(batch) for _ in range(2) for batch in loader]


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [item.clone() for item in value] if isinstance(value, list) else value.clone()


def augmented(sample: dict[str, Any]) -> dict[str, Any]:
    """Draws from every generator that transforms use."""
    draws = [random.random(), np.random.rand(), float(torch.rand(()))]
    return {"first": sample["jpegs"][:2] // 2, "draws": np.array(draws), "index": sample["index"]}


@pytest.mark.parametrize(
    ("dataset", "tensors", "transform"),
    [("equal_images", None, None), ("equal_images", None, augmented), ("jpeg_images", ["images"], None)],
)
def test_batches_are_equal_for_both_types_and_all_threads(
    dataset: str, tensors: list[str] | None, transform: Any, lake: Lake, native: Any
) -> None:
    reference = batches(lake(dataset), loader_type="python", tensors=tensors, transform=transform)
    assert len(reference) > 4
    for threads in (1, 2, 4, 8):
        for prefetch in (1, 3):
            found = batches(
                lake(dataset),
                loader_type="c++",
                tensors=tensors,
                transform=transform,
                num_threads=threads,
                prefetch_factor=prefetch,
            )
            assert_equal(found, reference)
    workers = batches(lake(dataset), loader_type="python", tensors=tensors, transform=transform, num_workers=2)
    assert_equal(workers, reference)


def test_batches_are_equal_however_little_may_be_cached(lake: Lake, native: Any) -> None:
    tensors = ["varying/raw", "varying/lz4_chunk", "varying/lz4_sample"]
    reference = batches(lake("many_chunks"), loader_type="python", tensors=tensors)
    for budget in (0, 1000, 5000, 1 << 20):
        found = batches(lake("many_chunks"), loader_type="c++", tensors=tensors, chunk_cache_bytes=budget)
        assert_equal(found, reference)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_equal_shapes_are_stacked_and_others_listed(loader_type: str, lake: Lake, native: Any) -> None:
    with penstock.DataLoader(lake("equal_images"), 5, loader_type=loader_type) as loader:
        batch = next(iter(loader))
    assert batch["jpegs"].shape == (5, 24, 36, 3)
    assert batch["jpegs"].dtype == torch.uint8
    with penstock.DataLoader(lake("jpeg_images"), 2, tensors=["images"], loader_type=loader_type) as loader:
        batch = next(iter(loader))
    assert [tuple(image.shape) for image in batch["images"]] == [(48, 64, 3), (33, 47, 3)]


def test_batches_that_are_kept_are_not_overwritten(lake: Lake, native: Any) -> None:
    path = lake("equal_images")
    with penstock.DataLoader(path, 2, tensors=["jpegs"], loader_type="c++") as loader:
        kept = [batch["jpegs"] for _ in range(5) for batch in loader]
    source = penstock.open(path)["jpegs"]
    for number, batch in enumerate(kept):
        for position, image in enumerate(batch):
            expected = source[(number * 2 + position) % len(source)]
            np.testing.assert_array_equal(image.numpy(), expected)


@pytest.mark.parametrize(("threads", "prefetched"), [(1, 3), (2, 4), (4, 7)])
def test_batch_memory_is_reused(lake: Lake, native: Any, threads: int, prefetched: int) -> None:
    """``prefetch_factor`` batches, or as many as hold three samples for each thread beside one batch."""
    path = lake("equal_images")
    with penstock.DataLoader(path, 2, tensors=["jpegs"], loader_type="c++", num_threads=threads) as loader:
        for _ in loader:
            pass
        for _ in range(20):
            for _ in loader:
                pass
        assert loader.stats()["slabs_allocated"] <= prefetched + 2  # held by the loop, and on its way back


def test_batch_memory_may_come_from_python(lake: Lake, native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for pinned memory where there is no GPU: the same way, with plain memory."""
    allocated = []

    def allocate(size: int) -> tuple[int, torch.Tensor]:
        allocated.append(torch.empty(size, dtype=torch.uint8))
        return allocated[-1].data_ptr(), allocated[-1]

    monkeypatch.setattr(native_loader, "_allocate_pinned", allocate)
    monkeypatch.setattr(native_loader.NativeLoader, "_pins_slabs", True)
    for dataset, tensor in (("equal_images", "jpegs"), ("jpeg_images", "images")):
        reference = batches(lake(dataset), loader_type="python", tensors=[tensor])
        assert_equal(batches(lake(dataset), loader_type="c++", tensors=[tensor]), reference)
    addresses = {memory.untyped_storage().data_ptr() for memory in allocated}
    with penstock.DataLoader(lake("equal_images"), 2, tensors=["jpegs"], loader_type="c++") as loader:
        batch = next(iter(loader))["jpegs"]
        addresses |= {memory.untyped_storage().data_ptr() for memory in allocated}
        assert batch.untyped_storage().data_ptr() in addresses


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_transform_and_collate_see_arrays(loader_type: str, lake: Lake, native: Any) -> None:
    seen = []

    def transform(sample: dict[str, Any]) -> tuple[int, int]:
        assert {key: type(value) for key, value in sample.items()} == {
            "image": np.ndarray,
            "index": int,
        }
        sample["image"][...] = 0  # writable
        seen.append(sample["index"])
        return sample["index"], sample["image"].shape[0]

    with penstock.DataLoader(
        lake("equal_images"),
        4,
        tensors={"image": "jpegs"},
        transform=transform,
        collate_fn=tuple,
        return_index=True,
        loader_type=loader_type,
    ) as loader:
        assert next(iter(loader)) == ((0, 24), (1, 24), (2, 24), (3, 24))
    assert seen[:4] == [0, 1, 2, 3]


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_global_generators_are_left_as_they_were(loader_type: str, lake: Lake, native: Any) -> None:
    def state() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(()))]

    arguments = {"tensors": ["jpegs"], "transform": augmented, "seed": 1, "return_index": True}
    with penstock.DataLoader(lake("equal_images"), 4, loader_type=loader_type, **arguments) as loader:
        random.seed(0), np.random.seed(0), torch.manual_seed(0)
        expected = state()
        random.seed(0), np.random.seed(0), torch.manual_seed(0)
        iterator = iter(loader)
        next(iterator)
        assert state() == expected


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_the_dataset_gives_the_loaders_samples_by_index(loader_type: str, lake: Lake, native: Any) -> None:
    arguments = {"tensors": ["jpegs"], "transform": augmented, "seed": 1, "return_index": True}
    with penstock.DataLoader(lake("equal_images"), 1, loader_type=loader_type, **arguments) as loader:
        batch = list(loader)[7]
        sample = loader.dataset[7]
    assert sample["index"] == 7
    np.testing.assert_array_equal(batch["draws"][0].numpy(), sample["draws"])
    np.testing.assert_array_equal(batch["first"][0].numpy(), sample["first"])


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_an_error_of_the_transform_names_the_sample(loader_type: str, workers: int, lake: Lake, native: Any) -> None:
    with (
        penstock.DataLoader(
            lake("equal_images"),
            2,
            transform=_fails_at_five,
            loader_type=loader_type,
            num_workers=workers,
            return_index=True,
        ) as loader,
        pytest.raises(penstock.errors.TransformError, match=r"ZeroDivisionError.*sample 5") as caught,
    ):
        list(loader)
    if workers == 0 or loader_type == "c++":
        assert isinstance(caught.value.__cause__, ZeroDivisionError)


def _fails_at_five(sample: dict[str, Any]) -> dict[str, Any]:
    return {"value": np.array(1 // (sample["index"] - 5))}


def test_stats_count(lake: Lake, native: Any) -> None:
    with penstock.DataLoader(lake("equal_images"), 5, tensors=["jpegs"], loader_type="c++") as loader:
        before = loader.stats()
        list(loader)
        stats = loader.stats()
    assert before.keys() == stats.keys()
    assert not any(before.values())
    assert stats["samples"] == 12
    assert stats["batches"] == 3
    tensor = penstock.open(lake("equal_images"))["jpegs"]
    assert stats["encoded_bytes"] == sum(len(tensor.bytes(i)) for i in range(12))
    assert stats["cache_hits"] + stats["cache_misses"] == 12
    assert stats["decode_seconds"] > 0


def test_a_loader_may_be_collected_on_its_own_thread(lake: Lake, native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory from Python is allocated on a loader thread: the garbage collector runs there, too."""
    unreachable = []

    def allocate(size: int) -> tuple[int, torch.Tensor]:
        unreachable.clear()
        gc.collect()
        memory = torch.empty(size, dtype=torch.uint8)
        return memory.data_ptr(), memory

    monkeypatch.setattr(native_loader, "_allocate_pinned", allocate)
    monkeypatch.setattr(native_loader.NativeLoader, "_pins_slabs", True)
    for _ in range(3):
        loader = penstock.DataLoader(lake("equal_images"), 2, tensors=["jpegs"], loader_type="c++")
        iterator = iter(loader)
        next(iterator)
        cycle: list[Any] = [loader, iterator]
        cycle.append(cycle)
        unreachable.append(cycle)
        del loader, iterator, cycle
    gc.collect()
