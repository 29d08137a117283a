"""penstock.verify where samples are put together of several pieces, lie elsewhere, or are a view's."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penstock
from support.damage import replace_sample
from support.images import jpeg, picture
from support.lake import link, new_lake

Copy = Callable[[str], Path]

both = pytest.mark.parametrize("loader_type", ["c++", "python"])


def places(report: penstock.Report) -> list[tuple[Any, ...]]:
    return [
        (found.tensor, found.index, found.last_index, found.kind)
        for found in report.findings
        if found.tensor is not None
    ]


@both
@pytest.mark.parametrize("fast", [False, True])
def test_a_sample_whose_tile_is_missing(loader_type: str, fast: bool, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("tiled")
    chunks = penstock.open(path)["png"].chunks
    bad = max(chunks.tiles)
    key = chunks.key(chunks.tile_rows(bad)[1])
    (path / key).unlink()
    report = penstock.verify(path, tensors=["png", "jpeg"], fast=fast, loader_type=loader_type)
    assert places(report) == [("png", bad, bad, "ChunkNotFoundError")]
    assert report.findings[-1].chunk == key
    assert report.samples == sum(len(penstock.open(path)[name]) for name in ("png", "jpeg"))


@both
def test_a_tile_that_does_not_decode(loader_type: str, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("tiled")
    chunks = penstock.open(path)["jpeg"].chunks
    bad = min(chunks.tiles)
    file = path / chunks.key(chunks.tile_rows(bad)[0])
    data = file.read_bytes()
    start = data.index(b"\xff\xd8")
    file.write_bytes(data[:start] + bytes(len(data) - start))
    report = penstock.verify(path, tensors=["jpeg"], loader_type=loader_type)
    assert places(report) == [("jpeg", bad, bad, "DecodeError")]
    assert penstock.verify(path, tensors=["jpeg"], fast=True, loader_type=loader_type).ok


@both
def test_bad_items_are_named_by_their_sequences(loader_type: str, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("sequences")
    tensor = penstock.open(path)["images_jpeg"]
    # Chunks hold items; that of the last sequence's first item may hold earlier sequences' too.
    row, _ = tensor.chunks.locate(tensor.sequences.items(4)[0])
    (path / tensor.chunks.key(row)).unlink()
    affected = sorted(
        index
        for index in range(len(tensor))
        if any(tensor.chunks.locate(item)[0] == row for item in tensor.sequences.items(index))
    )
    report = penstock.verify(path, tensors=["images_jpeg"], loader_type=loader_type)
    assert places(report) == [("images_jpeg", affected[0], affected[-1], "ChunkNotFoundError")]
    assert 4 in affected


@both
def test_an_encoder_of_sequences_that_is_cut_hides_no_other_tensor(
    loader_type: str, lake_copy: Copy, native: Any
) -> None:
    path = lake_copy("sequences")
    commit = penstock.open(path).commit_id
    file = path / "versions" / commit / "boxes" / "sequence_index" / "unsharded"
    file.write_bytes(file.read_bytes()[:-5])
    report = penstock.verify(path, tensors=["labels", "boxes", "text"], loader_type=loader_type)
    assert places(report) == [("boxes", None, None, "DatasetFormatError")]
    assert report.samples > 0


@both
# deeplake leaves it to the garbage collector to close the files.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_bad_links_are_found_one_by_one(loader_type: str, deeplake: Any, tmp_path: Path, native: Any) -> None:
    files = [tmp_path / f"{number}.jpg" for number in range(5)]
    for number, file in enumerate(files):
        file.write_bytes(jpeg(picture(20, 30 + number)))
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("images", htype="link[image]", sample_compression="jpeg")
        lake.images.extend([link(str(file)) for file in files])
    gc.collect()
    assert penstock.verify(tmp_path / "lake", loader_type=loader_type).ok
    files[1].unlink()
    files[3].write_bytes(files[3].read_bytes()[:200])
    report = penstock.verify(tmp_path / "lake", loader_type=loader_type)
    assert [place[:3] for place in places(report)] == [("images", 1, 1), ("images", 3, 3)]
    for finding, file in zip(report.findings, (files[1], files[3]), strict=True):
        assert str(file) in finding.cause


@both
def test_of_a_view_its_own_samples_are_checked(loader_type: str, deeplake: Any, tmp_path: Path, native: Any) -> None:
    path = tmp_path / "lake"
    with new_lake(path) as lake:
        lake.create_tensor("images", htype="image", sample_compression="jpeg")
        lake.images.extend([picture(10 + number, 12, seed=number) for number in range(9)])
        lake.commit("written")
        lake[[7, 2, 4]].save_view(id="some")
        lake[2:6].save_view(id="slice")
    assert penstock.verify(path, view="some", tensors=["images"], loader_type=loader_type).samples == 3
    for index in (3, 7):
        replace_sample(path, "images", index, lambda old: bytes(len(old)))
    # Findings name the dataset's samples, where the damage is to be mended.
    for view, bad in (("some", [7]), ("slice", [3]), (None, [3, 7])):
        report = penstock.verify(path, view=view, tensors=["images"], loader_type=loader_type)
        assert places(report) == [("images", index, index, "DecodeError") for index in bad]
