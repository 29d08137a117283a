"""Worker processes of the C++ loader, which run the Python part of its batches."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import penstock
from penstock.errors import TransformError, WorkerError
from support.coco_lakes import write_awkward_coco
from support.detection import training
from support.same_batches import Tolerance, assert_same_batches

Lake = Callable[[str], Path]


@pytest.fixture(autouse=True)
def others(native: Any) -> list[Any]:
    """Processes that other tests have left, MMDetection's pools for example."""
    return multiprocessing.active_children()


def _children(others: list[Any]) -> list[Any]:
    return [process for process in multiprocessing.active_children() if process not in others]


@pytest.fixture(autouse=True)
def _limit() -> Any:
    """A hang ends the test, not the patience of who waits for it."""

    def give_up(*_: Any) -> None:
        raise TimeoutError("this takes too long")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(100)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def load(path: Path, workers: int, **options: Any) -> penstock.DataLoader:
    settings = {"batch_size": 2, "shuffle": True, "seed": 5, "num_workers": workers, "return_index": True}
    return penstock.DataLoader(path, loader_type="c++", **(settings | options))


def assert_equal(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            assert_equal(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_equal(a, b)
    elif isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    elif isinstance(one, np.ndarray) and one.dtype == object:
        assert one.shape == other.shape
        assert_equal(list(one.flat), list(other.flat))
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other)
    else:
        assert one == other


def augmented(sample: dict[str, Any]) -> dict[str, Any]:
    """Draws, changes an image in place, and leaves the others as they are."""
    for key, value in list(sample.items()):
        if isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.ndim == 3 and key != "pngs":
            value[: len(value) // 2] = np.random.randint(0, 256, value[: len(value) // 2].shape)
            break
    sample["draws"] = np.array([np.random.rand(), float(torch.rand(()))])
    return sample


@pytest.mark.parametrize(
    "dataset",
    [
        *("equal_images", "jpeg_images", "many_chunks", "texts", "polygons"),
        # Whole or in part read by Python.
        *("image_files", "image_chunks", "linked", "tiled", "sequences"),
    ],
)
def test_batches_are_those_of_the_consuming_process(dataset: str, lake: Lake) -> None:
    expected = list(load(lake(dataset), 0, transform=augmented))
    loader = load(lake(dataset), 2, transform=augmented, prefetch_factor=3)
    first, second = list(loader), list(loader)
    assert_equal(first, expected)
    assert len(second) == len(first)
    loader.set_epoch(0)
    assert_equal(list(loader), expected)


@pytest.mark.parametrize(
    "context", ["spawn", "forkserver", multiprocessing.get_context("spawn")], ids=["spawn", "forkserver", "object"]
)
def test_every_way_to_start_a_process(context: Any, lake: Lake) -> None:
    expected = list(load(lake("equal_images"), 0, transform=augmented))
    found = list(load(lake("equal_images"), 2, transform=augmented, multiprocessing_context=context))
    assert_equal(found, expected)


def of_odd_kinds(samples: list[dict[str, Any]]) -> dict[str, Any]:
    index = samples[0]["index"]
    grad = torch.ones(3, requires_grad=True)
    return {
        "bfloat": torch.full((2, 3), index, dtype=torch.bfloat16),
        "transposed": torch.arange(12).view(3, 4).t(),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 4),
        "bool": torch.tensor([True, False]),
        "sparse": torch.eye(3).to_sparse().to_dense(),
        "grad": grad,
        "array": np.arange(6).reshape(2, 3).T,
        "none": np.zeros((0, 3), np.float32),
        "text": "text",
    }


def test_collate_runs_in_the_workers_and_may_return_anything(lake: Lake) -> None:
    arguments: dict[str, Any] = {"collate_fn": of_odd_kinds, "tensors": ["jpegs"]}
    expected, found = (list(load(lake("equal_images"), workers, **arguments)) for workers in (0, 2))
    assert_equal(found, expected)
    assert found[0]["grad"].requires_grad
    found[0]["bfloat"].add_(1)


class Brighter:
    """A user's own step, which draws from numpy and works in place."""

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        results["img"] //= np.random.randint(1, 4)
        return results


@pytest.mark.parametrize("context", [None, "spawn"])
def test_a_users_step_amid_a_detection_pipeline(context: str | None, mmdet: Any, deeplake: Any, tmp_path: Path) -> None:
    pair = write_awkward_coco(tmp_path)
    plain = training()
    pipeline = [*plain[:2], {"type": Brighter}, *plain[2:]]
    arguments: dict[str, Any] = {
        "transform": pipeline,
        "tensors": {"img": "images", "gt_bboxes": "boxes", "gt_labels": "categories"},
        "return_index": False,
    }
    expected = list(load(pair.lake, 0, **arguments))
    found = list(load(pair.lake, 2, multiprocessing_context=context, **arguments))
    assert_same_batches(found, expected, Tolerance(share=0))


def place(address: int) -> list[int]:
    """Inode of the file that is mapped at an address, and the offset in it."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, _, offset, _, inode = line.split()[:5]
        start, end = (int(part, 16) for part in span.split("-"))
        if start <= address < end:
            return [int(inode), int(offset, 16) + address - start]
    raise AssertionError("not mapped")


def placed(sample: dict[str, Any]) -> dict[str, Any]:
    image = sample["images"]
    image[:1, :1] = sample["index"]
    return {"image": image, "place": np.array(place(image.ctypes.data)), "process": os.getpid()}


def test_images_reach_the_workers_and_come_back_without_a_copy(lake: Lake) -> None:
    pixels = penstock.open(lake("jpeg_images"))["images"]
    for batch in load(lake("jpeg_images"), 2, tensors=["images"], transform=placed, batch_size=3, shuffle=False):
        assert os.getpid() not in batch["process"].tolist()
        for image, where in zip(batch["image"], batch["place"].tolist(), strict=True):
            if image.numel():
                assert where[0] != 0
                assert place(image.data_ptr()) == where
                index = int(image[0, 0, 0])
                assert torch.equal(image[1:], torch.from_numpy(pixels[index])[1:])


kept: list[tuple[Any, int]] = []


def keeping(sample: dict[str, Any]) -> dict[str, Any]:
    kept.append((sample["jpegs"], int(sample["jpegs"].sum())))
    return {"same": np.array(all(int(image.sum()) == total for image, total in kept))}


def test_images_that_a_transform_keeps_are_not_overwritten(lake: Lake) -> None:
    loader = load(lake("equal_images"), 1, tensors=["jpegs"], transform=keeping, persistent_workers=True)
    for _ in range(4):
        assert all(bool(batch["same"].all()) for batch in loader)
    loader.close()


def test_batches_that_are_kept_are_not_overwritten_and_memory_is_reused(lake: Lake) -> None:
    with load(lake("equal_images"), 2, tensors=["jpegs"], transform=augmented, persistent_workers=True) as loader:
        first = list(loader)
        sums = [int(batch["jpegs"].sum()) for batch in first]
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        arena = loader._engine._arena  # type: ignore[union-attr]
        for _ in range(3):
            list(loader)
        used = arena._used  # type: ignore[union-attr]
        for _ in range(10):
            for batch in loader:
                batch["jpegs"].zero_()
        # 60 batches of 8 KiB; how many are alive at once depends on who is faster.
        assert arena._used < used + 100_000  # type: ignore[union-attr]
        assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
    assert [int(batch["jpegs"].sum()) for batch in first] == sums


def fails_at_five(sample: dict[str, Any]) -> dict[str, Any]:
    return {"value": np.array(1 // (sample["index"] - 5))}


class Unpicklable(Exception):
    """Pickles, and cannot be made again."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def fails_oddly(sample: dict[str, Any]) -> dict[str, Any]:
    raise Unpicklable(1, 2)


def test_an_exception_comes_as_it_was_raised(lake: Lake) -> None:
    errors = []
    for workers in (0, 2):
        delivered = 0
        with pytest.raises(TransformError) as caught:
            for _ in load(lake("equal_images"), workers, transform=fails_at_five, shuffle=False):
                delivered += 1
        assert delivered == 2
        errors.append(caught.value)
    expected, found = errors
    assert str(found) == str(expected)
    assert (found.index, found.path) == (5, expected.path)
    assert isinstance(found.__cause__, ZeroDivisionError)
    assert "in fails_at_five" in str(found.__cause__.__cause__)


def test_an_exception_that_does_not_pickle_is_told(lake: Lake) -> None:
    with pytest.raises(TransformError, match="Unpicklable: 1 and 2") as caught:
        list(load(lake("equal_images"), 1, transform=fails_oddly))
    assert "Unpicklable: 1 and 2" in str(caught.value.__cause__)


def test_a_batch_that_does_not_pickle_is_an_error(lake: Lake) -> None:
    with pytest.raises((AttributeError, TypeError), match="pickle"):
        list(load(lake("equal_images"), 1, collate_fn=lambda samples: lambda: samples))


def note_start(number: int) -> None:
    os.environ["PENSTOCK_TEST_WORKER"] = str(number)


def worker_of(sample: dict[str, Any]) -> dict[str, Any]:
    time.sleep(0.02)
    return {"worker": int(os.environ.get("PENSTOCK_TEST_WORKER", "-1")), "process": os.getpid()}


@pytest.mark.parametrize("persistent", [False, True])
def test_worker_init_fn_and_persistent_workers(persistent: bool, lake: Lake, others: list[Any]) -> None:
    loader = load(
        lake("equal_images"), 2, transform=worker_of, worker_init_fn=note_start, persistent_workers=persistent
    )
    epochs = []
    for _ in range(2):
        batches = list(loader)
        assert {int(n) for batch in batches for n in batch["worker"]} == {0, 1}
        epochs.append({int(n) for batch in batches for n in batch["process"]})
    next(iter(loader))
    assert (epochs[0] == epochs[1]) is persistent
    assert len(_children(others)) == (2 if persistent else 0)
    # What was under way when an iteration was left does not come up in the next.
    loader.set_epoch(0)
    loader_again = load(lake("equal_images"), 0)
    assert [b["process"].shape for b in loader] == [b["index"].shape for b in loader_again]
    loader.close()
    assert "PENSTOCK_TEST_WORKER" not in os.environ


def broken_start(number: int) -> None:
    raise ValueError(f"worker {number} does not want to")


def test_a_worker_init_fn_that_raises(lake: Lake) -> None:
    with pytest.raises(ValueError, match="does not want to"):
        list(load(lake("equal_images"), 2, transform=worker_of, worker_init_fn=broken_start))


def dies_at_five(sample: dict[str, Any]) -> dict[str, Any]:
    if sample["index"] == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"value": 1}


@pytest.mark.parametrize("context", ["fork", "forkserver"])
def test_a_worker_that_dies_ends_the_iteration_at_once(context: str, lake: Lake, others: list[Any]) -> None:
    loader = load(lake("equal_images"), 2, transform=dies_at_five, shuffle=False, multiprocessing_context=context)
    with pytest.raises(WorkerError, match=r"worker process \d \(pid \d+\) (was killed by SIGKILL|ended with)"):
        list(loader)
    assert not _children(others)
    loader.set_epoch(0)
    assert len(next(iter(loader))["value"]) == 2


def exits(sample: dict[str, Any]) -> None:
    os._exit(7)


def test_the_error_says_how_the_worker_ended(lake: Lake) -> None:
    with pytest.raises(WorkerError, match="ended with exit code 7 while it had the batch of the samples 0, 1"):
        list(load(lake("equal_images"), 1, transform=exits, shuffle=False))


def slow(sample: dict[str, Any]) -> dict[str, Any]:
    time.sleep(3)
    return {"value": 1}


def test_timeout(lake: Lake) -> None:
    start = time.monotonic()
    with pytest.raises(WorkerError, match=r"DataLoader timed out after 0\.3 seconds"):
        list(load(lake("equal_images"), 1, transform=slow, timeout=0.3, batch_size=1))
    assert time.monotonic() - start < 60


def test_bad_data_is_reported_in_its_turn(lake_copy: Lake) -> None:
    path = lake_copy("jpeg_images")
    chunk = max((path / "images" / "chunks").iterdir(), key=lambda file: file.stat().st_size)
    chunk.write_bytes(chunk.read_bytes()[:-40])
    results = []
    for workers in (0, 2):
        delivered = 0
        with pytest.raises(penstock.errors.PenstockError) as caught:
            for _ in load(path, workers, tensors=["images"], transform=worker_of, batch_size=1):
                delivered += 1
        results.append((delivered, type(caught.value), str(caught.value)))
    assert results[0] == results[1]


def test_no_process_without_a_python_part(lake: Lake, others: list[Any]) -> None:
    loader = load(lake("equal_images"), 2)
    iterator = iter(loader)
    next(iterator)
    assert not _children(others)
    assert loader.options.num_threads == 2


def test_two_iterations_at_once(lake: Lake) -> None:
    loader = load(lake("equal_images"), 1, transform=augmented, shuffle=False, persistent_workers=True)
    pairs = list(zip(loader, loader, strict=True))
    assert len(pairs) == 6
    for one, other in pairs:
        assert torch.equal(one["index"], other["index"])
    loader.close()


def test_resuming(lake: Lake) -> None:
    expected = list(load(lake("equal_images"), 0, transform=augmented))
    loader = load(lake("equal_images"), 2, transform=augmented)
    iterator = iter(loader)
    next(iterator), next(iterator)
    state = loader.state_dict()
    again = load(lake("equal_images"), 2, transform=augmented)
    again.load_state_dict(state)
    assert_equal(list(again), expected[2:])


def test_stats(lake: Lake) -> None:
    loader = load(lake("equal_images"), 2, transform=worker_of)
    list(loader)
    stats = loader.stats()
    assert stats["samples"] == 12
    assert stats["python_seconds"] >= 12 * 0.02
    assert stats["wait_seconds"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"timeout": -1}, "timeout"), ({"multiprocessing_context": "thread"}, "multiprocessing_context")],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str, lake: Lake) -> None:
    with pytest.raises(ValueError, match=message):
        load(lake("equal_images"), 2, **arguments)
