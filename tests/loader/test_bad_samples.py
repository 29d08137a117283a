"""on_error: bad samples are raised, or others take their places."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock import errors
from support.damage import replace_sample

Copy = Callable[[str], Path]

TYPES = pytest.mark.parametrize("loader_type", ["c++", "python"])
BAD = (3, 4, 9)


@pytest.fixture
def damaged(lake_copy: Copy) -> Path:
    path = lake_copy("equal_images")
    for index in BAD:
        replace_sample(path, "jpegs", index, lambda data: b"\0" * len(data))
    return path


def make(path: Path, loader_type: str, **arguments: Any) -> penstock.DataLoader:
    given: dict[str, Any] = {"batch_size": 4, "tensors": ["jpegs"], "return_index": True, "seed": 5, "on_error": "skip"}
    return penstock.DataLoader(path, loader_type=loader_type, **(given | arguments))


def indices(batches: Any) -> list[list[int]]:
    return [batch["index"].tolist() for batch in batches]


def expected(path: Path, **arguments: Any) -> list[list[int]]:
    """The batches of indices, with the next good sample of the order in the places of bad ones."""
    sound = make(path, "python", decode={"jpegs": "bytes"}, **arguments)
    order = [index for batch in indices(sound) for index in batch]

    def good(place: int) -> int:
        while order[place % len(order)] in BAD:
            place += 1
        return order[place % len(order)]

    replaced = [good(place) for place in range(len(order))]
    return [replaced[i : i + 4] for i in range(0, len(replaced), 4)]


@TYPES
@pytest.mark.parametrize("shuffle", [False, "full", "chunk"])
@pytest.mark.parametrize("threads", [1, 3])
def test_others_take_their_places(threads: int, shuffle: Any, loader_type: str, damaged: Path, native: Any) -> None:
    loader = make(damaged, loader_type, shuffle=shuffle, num_threads=threads)
    wanted = expected(damaged, shuffle=shuffle)
    assert indices(loader) == wanted
    assert loader.stats()["errors"] == len(BAD)
    second = indices(loader)
    assert loader.stats()["errors"] == len(BAD)  # known, and not counted again
    fresh = make(damaged, loader_type, shuffle=shuffle)
    fresh.set_epoch(1)
    assert indices(fresh) == second  # whether they were known before or not
    images = {int(i): image for batch in fresh for i, image in zip(batch["index"], batch["jpegs"], strict=True)}
    assert not set(images) & set(BAD)


@TYPES
def test_ranks_stay_in_step(loader_type: str, damaged: Path, native: Any) -> None:
    whole = [index for batch in expected(damaged, shuffle=True) for index in batch]
    ranks = [make(damaged, loader_type, shuffle=True, rank=rank, world_size=2) for rank in range(2)]
    orders = [[index for batch in indices(loader) for index in batch] for loader in ranks]
    assert len(orders[0]) == len(orders[1])
    assert [index for pair in zip(*orders, strict=True) for index in pair][: len(whole)] == whole


@TYPES
def test_resumed_in_the_middle(loader_type: str, damaged: Path, native: Any) -> None:
    wanted = expected(damaged, shuffle=True)
    loader = make(damaged, loader_type, shuffle=True)
    iterator = iter(loader)
    assert indices(next(iterator) for _ in range(2)) == wanted[:2]
    other = make(damaged, loader_type, shuffle=True)
    other.load_state_dict(loader.state_dict())
    assert indices(other) == wanted[2:]


@TYPES
@pytest.mark.parametrize("sampler", ["known", "streamed"])
def test_of_a_sampler_of_ones_own(sampler: str, loader_type: str, damaged: Path, native: Any) -> None:
    order = [3, 0, 4, 5, 9, 9, 6, 3]
    given: Any = order if sampler == "known" else iter(order)
    assert indices(make(damaged, loader_type, sampler=given)) == [[0, 0, 0, 5], [5, 5, 6, 6]]


@TYPES
@pytest.mark.parametrize(
    ("on_error", "borne"), [("skip:3", True), ("skip:2", False), ("skip:99%", True), ("skip:1%", False)]
)
def test_a_budget(on_error: str, borne: bool, loader_type: str, damaged: Path, native: Any) -> None:
    loader = make(damaged, loader_type, on_error=on_error)
    if borne:
        assert len(indices(loader)) == len(loader)
    else:
        with pytest.raises(errors.DecodeError, match=f"on_error='{on_error}' bears [02] bad samples"):
            indices(loader)


@TYPES
def test_a_callable_decides(loader_type: str, damaged: Path, native: Any) -> None:
    seen: list[int | None] = []

    def decide(error: errors.PenstockError) -> bool:
        seen.append(error.index)
        return error.index != 9

    loader = make(damaged, loader_type, on_error=decide)
    with pytest.raises(errors.DecodeError):
        indices(loader)
    assert seen == [3, 4, 9]


@TYPES
def test_a_line_is_logged_for_each(
    loader_type: str, damaged: Path, native: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "penstock"):
        list(make(damaged, loader_type))
    lines = [record.getMessage() for record in caplog.records if "left out" in record.getMessage()]
    assert len(lines) == len(BAD)
    assert all(f"sample {index}" in line and str(damaged) in line for index, line in zip(BAD, lines, strict=True))


@TYPES
@pytest.mark.parametrize("workers", [0, 1])
def test_a_transform_that_raises(workers: int, loader_type: str, damaged: Path, native: Any) -> None:
    loader = make(damaged, loader_type, transform=refuse_every_fifth, decode={"jpegs": "bytes"}, num_workers=workers)
    found = [index for batch in indices(loader) for index in batch]
    assert len(found) == len(loader.dataset)
    assert not any(index % 5 == 0 for index in found)


def refuse_every_fifth(sample: dict[str, Any]) -> dict[str, Any]:
    if sample["index"] % 5 == 0:
        raise ValueError("every fifth")
    return {"index": sample["index"], "size": np.array(len(sample["jpegs"]))}


@TYPES
def test_nothing_that_could_take_their_place(loader_type: str, damaged: Path, native: Any) -> None:
    with pytest.raises(errors.ConfigError, match="no sample is left"):
        list(make(damaged, loader_type, sampler=[3, 4, 9]))


@TYPES
def test_a_storage_that_fails_is_no_bad_sample(loader_type: str, damaged: Path, native: Any) -> None:
    loader = make(damaged, loader_type)
    loader.close()
    with pytest.raises(errors.LoaderClosedError):
        list(loader)


@pytest.mark.parametrize("wrong", ["ignore", "skip:", "skip:-1", "skip:1.5", "skip:x%", "SKIP"])
def test_other_words_are_refused(wrong: str, damaged: Path) -> None:
    with pytest.raises(ValueError, match="on_error must be 'raise', 'skip', 'skip:100', 'skip:1%' or a callable"):
        make(damaged, "python", on_error=wrong)
    with pytest.raises(TypeError, match="on_error must be a str or a callable"):
        make(damaged, "python", on_error=3)
