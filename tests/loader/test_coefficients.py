"""``cache="coefficients"``: the batches of a loader without it, bit by bit; each image is fetched and decoded once."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.errors import ConfigError, DecodeError
from support.images import jpeg, picture, png
from support.lake import encoded, new_lake
from support.same import assert_same

COUNT = 30


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, deeplake: Any) -> Path:
    """JPEGs of all samplings and sizes, also progressive, gray and of one color; beside them PNGs and numbers."""
    path = tmp_path_factory.mktemp("coefficients") / "lake"
    with new_lake(path) as lake:
        lake.create_tensor("images", htype="image", sample_compression="jpeg", max_chunk_size=40_000)
        lake.create_tensor("gray", htype="image", sample_compression="jpeg")
        lake.create_tensor("drawings", htype="image", sample_compression="png")
        lake.create_tensor("labels", htype="class_label")
        for number in range(COUNT):
            height, width = 20 + number * 7 % 50, 24 + number * 11 % 70
            pixels = picture(height, width, 3, seed=number)
            file = jpeg(pixels, quality=40 + 2 * number, subsampling=number % 3, progressive=number % 10 == 7)
            lake.images.append(encoded(file, "jpeg"))
            lake.gray.append(encoded(jpeg(picture(height, width, 0, seed=number)), "jpeg"))
            lake.drawings.append(encoded(png(pixels), "png"))
            lake.labels.append(number)
    return path


@pytest.fixture
def damaged(images: Path, tmp_path: Path) -> Path:
    """The images with one of them, number 11, broken where it lies."""
    path = Path(shutil.copytree(images, tmp_path / "damaged"))
    tensor = penstock.open(path)["images"]
    file = tensor.bytes(11)
    for chunk in (path / "images" / "chunks").iterdir():
        data = chunk.read_bytes()
        if file in data:
            half = len(file) // 2
            chunk.write_bytes(data.replace(file, file[:half] + bytes(len(file) - half)))
    return path


@pytest.fixture(params=["memory", "folder"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    kept: dict[str, Any] = {"cache": "coefficients"}
    return kept | ({"cache_bytes": "64MB"} if request.param == "memory" else {"cache_dir": tmp_path / "cache"})


def make(path: Any, **options: Any) -> penstock.DataLoader:
    settings: dict[str, Any] = {"batch_size": 4, "shuffle": True, "seed": 5, "loader_type": "c++", "num_threads": 2}
    # So that no epoch is begun before it is asked for, and what is counted is of the epochs that were.
    settings["on_error"] = "skip"
    return penstock.DataLoader(path, **(settings | {"return_index": True} | options))


def batches(loader: penstock.DataLoader) -> list[Any]:
    return [{key: list(value) for key, value in batch.items()} for batch in loader]


def hits(loader: penstock.DataLoader) -> int:
    return int(loader.stats()["coefficient_hits"])


#: Progressive files leave nothing to be kept.
KEPT = COUNT - len(range(7, COUNT, 10)) + COUNT


@pytest.mark.parametrize("threads", [1, 5])
def test_batches_are_those_without_it(threads: int, images: Path, where: dict[str, Any], native: Any) -> None:
    with make(images) as plain, make(images, num_threads=threads, **where) as ours:
        for epoch in range(3):
            assert_same(batches(ours), batches(plain), epoch)
        stats = ours.stats()
        assert stats["coefficients_kept"] == KEPT
        assert stats["coefficient_hits"] + stats["coefficient_misses"] == 3 * 2 * COUNT
        if "cache_dir" in where:  # what is still being written is not there yet
            assert KEPT <= stats["coefficient_hits"] <= 2 * KEPT
        else:
            assert stats["coefficient_hits"] == 2 * KEPT
        assert plain.stats()["coefficient_misses"] == 0


def test_what_is_kept_is_not_fetched(images: Path, native: Any) -> None:
    with make(images, tensors=["gray"], cache="coefficients", chunk_cache_bytes=0) as loader:
        list(loader)
        before = loader.stats()
        list(loader)
        after = loader.stats()
        assert after["coefficient_hits"] - before["coefficient_hits"] == COUNT
        assert after["encoded_bytes"] == before["encoded_bytes"]
        sizes = [len(penstock.open(images)["gray"].bytes(number)) for number in range(COUNT)]
        # Little images have more beside their coefficients than large ones.
        assert sum(sizes) / 2 < after["coefficient_bytes"] < 3 * sum(sizes) + 1500 * COUNT


@pytest.mark.parametrize("layout, dtype", [("nchw", None), ("nhwc", "float16")])
def test_planes_and_floats(layout: str, dtype: str | None, images: Path, where: dict[str, Any], native: Any) -> None:
    form: dict[str, Any] = {"tensors": ["images", "gray"], "layout": layout, "dtype": dtype}
    with make(images, **form) as plain, make(images, **form, **where) as ours:
        for epoch in range(2):
            assert_same(batches(ours), batches(plain), epoch)


def test_views_workers_and_transforms(images: Path, where: dict[str, Any], native: Any) -> None:
    view = penstock.open(images)[25:3:-2]
    options: dict[str, Any] = {"tensors": ["images", "labels"], "transform": _darker}
    with make(view, **options) as plain, make(view, **options, **where, num_workers=2) as ours:
        for epoch in range(3):
            assert_same(batches(ours), batches(plain), epoch)
        assert hits(ours) >= 10


def _darker(sample: dict[str, Any]) -> dict[str, Any]:
    return sample | {"images": sample["images"] // 2}


def test_it_resumes(images: Path, where: dict[str, Any], native: Any) -> None:
    with make(images) as plain, make(images, **where) as first:
        list(plain)
        expected = batches(plain)
        list(first)
        iterator = iter(first)
        for _ in range(3):
            next(iterator)
        state = first.state_dict()
    with make(images, **where, num_threads=3) as resumed:
        resumed.load_state_dict(json.loads(json.dumps(state)))
        assert_same(batches(resumed), expected[3:])


def test_bad_samples(damaged: Path, where: dict[str, Any], native: Any) -> None:
    with make(damaged, tensors=["images"]) as plain, make(damaged, tensors=["images"], **where) as ours:
        for epoch in range(3):
            assert_same(batches(ours), batches(plain), epoch)
            assert ours.stats()["errors"] == plain.stats()["errors"] == 1
    with make(damaged, tensors=["images"], on_error="raise", **where) as raising:
        for _ in range(2):
            with pytest.raises(DecodeError) as error:
                list(raising)
            assert error.value.index == 11


def test_ranks_share_a_folder(images: Path, tmp_path: Path, native: Any) -> None:
    def rank(number: int, epoch: int) -> tuple[list[int], int]:
        with make(images, tensors=["gray"], cache="coefficients", cache_dir=tmp_path, rank=number, world_size=2) as one:
            one.set_epoch(epoch)
            return [index for batch in one for index in batch["index"].tolist()], hits(one)

    first = [rank(number, 0) for number in range(2)]
    assert [found for _, found in first] == [0, 0]
    second = [rank(number, 1) for number in range(2)]
    assert sorted(second[0][0] + second[1][0]) == list(range(COUNT))
    assert [found for _, found in second] == [COUNT // 2, COUNT // 2]


PROGRAM = """
import sys, penstock
with penstock.DataLoader(sys.argv[1], 4, tensors=["gray"], loader_type="c++", cache="coefficients",
                         cache_dir=sys.argv[2], on_error="skip") as loader:
    sums = sum(int(image.sum()) for batch in loader for image in batch["gray"])
    print(sums, int(loader.stats()["coefficient_hits"]))
"""


def test_other_jobs_find_them_by_other_paths(images: Path, tmp_path: Path, native: Any) -> None:
    link = tmp_path / "link"
    link.symlink_to(images)

    def job(path: Path) -> list[int]:
        command = [sys.executable, "-c", PROGRAM, str(path), str(tmp_path / "cache")]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert ended.returncode == 0, ended.stderr
        return [int(number) for number in ended.stdout.split()]

    sums, found = job(images)
    assert found == 0
    assert job(link) == [sums, COUNT]


def test_a_dataset_that_was_changed_is_read_anew(images: Path, tmp_path: Path, native: Any, deeplake: Any) -> None:
    path = Path(shutil.copytree(images, tmp_path / "changing"))
    kept: dict[str, Any] = {"cache": "coefficients", "cache_dir": tmp_path / "cache", "tensors": ["images"]}
    with make(path, **kept) as before:
        list(before)
    lake = deeplake.load(str(path), read_only=False, verbose=False)
    lake.images[3] = encoded(jpeg(picture(33, 44, 3, seed=99)), "jpeg")
    lake.flush()
    with make(path, **kept) as after, make(path, tensors=["images"]) as plain:
        assert_same(batches(after), batches(plain))
        assert 0 < hits(after) < COUNT - 1


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "foreign", "removed"])
def test_a_damaged_folder_does_no_harm(damage: str, images: Path, tmp_path: Path, native: Any) -> None:
    kept: dict[str, Any] = {"cache": "coefficients", "cache_dir": tmp_path, "tensors": ["gray"]}
    with make(images, **kept) as before:
        expected = batches(before)
    for file in sorted(tmp_path.iterdir())[::2]:
        data = bytearray(file.read_bytes())
        if damage == "flipped":
            data[len(data) // 2] ^= 4
        kinds = {"cut": data[: len(data) // 3], "flipped": data, "emptied": b"", "foreign": b"\x7fELF" + bytes(500)}
        if damage == "removed":
            file.unlink()
        else:
            file.write_bytes(bytes(kinds[damage]))
    with make(images, **kept) as after:
        assert_same(batches(after), expected)
        assert hits(after) == COUNT - (COUNT + 1) // 2


def test_nothing_is_left_of_a_kill(images: Path, tmp_path: Path, native: Any) -> None:
    command = [sys.executable, "-c", PROGRAM.replace("print", "__import__('os').kill(__import__('os').getpid(), 9)")]
    ended = subprocess.run([*command, str(images), str(tmp_path)], capture_output=True, timeout=300, check=False)
    assert ended.returncode == -9
    with make(images, tensors=["gray"]) as plain, make(
        images, tensors=["gray"], cache="coefficients", cache_dir=tmp_path
    ) as ours:
        assert_same(batches(ours), batches(plain))


def test_it_fills_up_and_says_so_in_figures(images: Path, native: Any) -> None:
    with make(images, tensors=["gray"], cache="coefficients", cache_bytes=20_000) as loader:
        for _ in range(3):
            list(loader)
        stats = loader.stats()
        assert 0 < stats["coefficient_bytes"] <= 20_000
        assert 0 < stats["coefficients_kept"] < COUNT
        assert stats["coefficient_hits"] == 2 * stats["coefficients_kept"]


def test_the_python_loader_has_none(images: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "penstock"), make(images, loader_type="python", cache="coefficients") as ours:
        next(iter(ours))
    assert "keeps no coefficients" in caplog.text


def test_a_forked_child_has_its_own(images: Path, where: dict[str, Any], native: Any) -> None:
    with make(images, tensors=["gray"], **where) as loader:
        expected = batches(loader)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                loader.set_epoch(0)
                same = len(batches(loader)) == len(expected)
                os.write(writing, b"same" if same else b"other")
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as answer:
            assert answer.read() == b"same"
        os.waitpid(child, 0)


@pytest.fixture
def small() -> Iterator[Callable[..., Any]]:
    yield lambda **options: penstock.DataLoader("nowhere", loader_type="c++", **options)


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({"cache": "pixels"}, ValueError, "'coefficients'"),
        ({"cache": "coeficients"}, ValueError, "coefficients"),
        ({"cache": True}, ValueError, "got True"),
        ({"cache_bytes": "1GB"}, ValueError, "cache='coefficients'"),
        ({"cache": "coefficients", "cache_bytes": "much"}, ValueError, "50GB"),
        ({"cache": "coefficients", "cache_bytes": 1.5}, TypeError, "cache_bytes"),
        ({"cache": "coefficients", "cache_bytes": 0}, ValueError, "at least 1"),
        ({"cache": "coefficients", "cache_bytes": "1GB", "cache_dir": "x"}, ConfigError, "leave one of them out"),
    ],
)
def test_arguments(
    options: dict[str, Any], error: type[Exception], words: str, small: Callable[..., Any], native: Any
) -> None:
    with pytest.raises(error, match=words):
        small(**options)
