"""penstock.verify: sound datasets pass, each kind of damage is found, and one hides no other."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.errors import DatasetNotFoundError, TensorNotFoundError
from penstock.format import parse_chunk_header
from support.damage import chunk_file, edit_json, replace_sample, shorten_sample, with_header
from support.datasets import MAKERS
from support.lake import new_lake

Copy = Callable[[str], Path]

both = pytest.mark.parametrize("loader_type", ["c++", "python"])


def places(report: penstock.Report) -> list[tuple[Any, ...]]:
    return [(found.tensor, found.index, found.last_index, found.kind) for found in report.findings]


@both
@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("name", MAKERS)
def test_sound_datasets_pass(name: str, fast: bool, loader_type: str, lake: Copy, native: Any) -> None:
    report = penstock.verify(lake(name), fast=fast, loader_type=loader_type)
    # Deep Lake lets tensors differ in length; nothing else may be said of what it wrote.
    assert all("differ in length" in finding.cause for finding in report.findings)
    opened = penstock.open(lake(name))
    tensors = {**opened.tensors, **opened.hidden_tensors}
    expected = sum(tensor.chunks.num_samples for key, tensor in tensors.items() if key not in report.skipped)
    assert report.samples == expected
    assert set(report.skipped) == {key for key, tensor in tensors.items() if tensor.unsupported("bytes")}
    undecoded = {key for key, tensor in tensors.items() if tensor.unsupported()} - set(report.skipped)
    assert set(report.undecoded) == (set() if fast else undecoded)
    assert (report.path, report.commit) == (str(lake(name)), opened.commit_id)


@both
def test_every_bad_sample_of_a_chunk_is_found_with_its_bytes(loader_type: str, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("equal_images")
    bad = [1, 2, 5, 11]
    stored = {index: penstock.open(path)["jpegs"].bytes(index) for index in bad}
    for index in bad:
        replace_sample(path, "jpegs", index, lambda old: b"?" * len(old))
    report = penstock.verify(path, loader_type=loader_type)
    assert places(report) == [("jpegs", index, index, "DecodeError") for index in bad]
    for finding in report.findings:
        assert finding.index is not None and finding.byte_range is not None
        file = chunk_file(path, "jpegs", finding.index)
        assert finding.chunk == file.relative_to(path).as_posix()
        assert "JPEG" in finding.cause
        begin, end = finding.byte_range
        assert file.read_bytes()[begin:end] == b"?" * len(stored[finding.index])
        assert str(finding) == (
            f"tensor 'jpegs', sample {finding.index}, chunk '{finding.chunk}', bytes {begin} to {end}: {finding.cause}"
        )
    assert report.bad_samples == 4
    assert not report.ok
    assert penstock.verify(path, fast=True, loader_type=loader_type).ok, "nothing is wrong with the structure"


@both
@pytest.mark.parametrize("fast", [False, True])
def test_bad_chunks_are_one_finding_each(loader_type: str, fast: bool, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("many_chunks")
    index = penstock.open(path)["equal/raw"].chunks
    assert len(index) > 4
    (path / index.key(1)).unlink()
    (path / index.key(2)).write_bytes(b"\x06 no ")
    (path / index.key(3)).unlink()
    (path / index.key(3)).mkdir()
    cut = path / index.key(4)
    cut.write_bytes(cut.read_bytes()[:-1])
    report = penstock.verify(path, fast=fast, loader_type=loader_type)
    last = [int(number) for number in index.last_index]
    assert places(report) == [
        ("equal/raw", last[0] + 1, last[1], "ChunkNotFoundError"),
        ("equal/raw", last[1] + 1, last[2], "ChunkFormatError"),
        ("equal/raw", last[2] + 1, last[3], "StorageError"),
        ("equal/raw", last[4], last[4], "ChunkFormatError"),
    ]
    assert [finding.byte_range for finding in report.findings[:2]] == [None, (0, 5)]
    assert report.findings[0].chunk == index.key(1)


@both
def test_damage_in_many_tensors_comes_in_the_datasets_order(loader_type: str, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("texts")
    replace_sample(path, "raw/text", 2, lambda old: b"\xff" * len(old))
    replace_sample(path, "raw/json", 0, lambda old: b"{" * len(old))
    lz4 = chunk_file(path, "lz4_chunk/text", 0)
    data = lz4.read_bytes()
    header = parse_chunk_header(data)
    lz4.write_bytes(data[: header.data_offset] + struct.pack("<I", 2**31) + data[header.data_offset + 4 :])
    report = penstock.verify(path, loader_type=loader_type, num_threads=3)
    found = [place for place in places(report) if place[0] is not None]
    assert sorted(found) == [
        ("lz4_chunk/text", 0, 6, "ChunkFormatError"),
        ("raw/json", 0, 0, "DecodeError"),
        ("raw/text", 2, 2, "DecodeError"),
    ]
    order = list(penstock.open(path).tensors)
    assert [order.index(place[0]) for place in found] == sorted(order.index(place[0]) for place in found)


@both
@pytest.mark.parametrize("fast", [False, True])
def test_lying_headers(loader_type: str, fast: bool, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("many_chunks")
    opened = penstock.open(path)["varying/raw"].chunks
    shape = with_header((1, 3), struct.pack("<3I", 2**31, 2**31, 0), 1, struct.pack("<3I", 8, 0, 0), bytes(8))
    chunk_file(path, "varying/raw", 3).write_bytes(shape)
    report = penstock.verify(path, fast=fast, loader_type=loader_type, tensors=["varying/raw"])
    row, _ = opened.locate(3)
    last = int(opened.last_index[row])
    assert places(report)[:1] == [("varying/raw", opened.first_index(row), opened.first_index(row), "DecodeError")]
    if last > opened.first_index(row):
        assert places(report)[1:] == [("varying/raw", opened.first_index(row) + 1, last, "ChunkFormatError")]


@both
def test_both_ways_find_the_same(loader_type: str, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("jpeg_images")
    shorten_sample(path, "images", 9)
    replace_sample(path, "gray", 1, lambda old: old[::-1])
    report = penstock.verify(path, loader_type=loader_type)
    assert [place[:3] for place in places(report)] == [(None, None, None), ("gray", 1, 1), ("images", 9, 9)]
    other = penstock.verify(path, loader_type="python")
    assert [finding.byte_range for finding in report.findings] == [finding.byte_range for finding in other.findings]
    assert "'gray' has 3 samples, 'images' has 19" in report.findings[0].cause


@both
def test_a_broken_index_of_one_tensor_hides_no_other(loader_type: str, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("equal_images")
    file = path / "raw" / "chunks_index" / "unsharded"
    file.write_bytes(file.read_bytes()[:-3])
    replace_sample(path, "jpegs", 4, lambda old: bytes(len(old)))
    report = penstock.verify(path, loader_type=loader_type)
    assert places(report) == [("jpegs", 4, 4, "DecodeError"), ("raw", None, None, "DatasetFormatError")]
    assert "no whole number of rows" in report.findings[1].cause


def test_metadata_that_cannot_be_opened_is_a_finding(lake_copy: Copy) -> None:
    path = lake_copy("scalars")
    edit_json(path / "raw" / "tensor_meta.json", lambda meta: meta.pop("length"))
    report = penstock.verify(path)
    assert places(report) == [(None, None, None, "DatasetFormatError")]
    assert "'raw/tensor_meta.json'" in report.findings[0].cause
    assert (report.commit, report.samples) == (None, 0)


def test_an_index_that_claims_a_trillion_samples(lake_copy: Copy) -> None:
    path = lake_copy("scalars")
    edit_json(path / "raw" / "tensor_meta.json", lambda meta: meta.update(length=2**40))
    file = path / "raw" / "chunks_index" / "unsharded"
    data = file.read_bytes()
    file.write_bytes(data[:-8] + struct.pack("<Q", 2**40 - 1))
    report = penstock.verify(path, tensors=["raw"])
    assert places(report) == [("raw", None, None, "DatasetFormatError")]
    assert "more samples than a chunk can number" in report.findings[0].cause


@both
def test_samples_that_a_chunk_lacks_are_one_finding(loader_type: str, lake_copy: Copy, native: Any) -> None:
    """The metadata and the index agree on four billion samples, which a chunk could hold; it does not."""
    path = lake_copy("scalars")
    count = 2**32
    index = penstock.open(path)["raw"].chunks
    held, first = len(penstock.open(path)["raw"]), index.first_index(len(index) - 1)
    edit_json(path / "raw" / "tensor_meta.json", lambda meta: meta.update(length=count))
    file = path / "raw" / "chunks_index" / "unsharded"
    file.write_bytes(file.read_bytes()[:-8] + struct.pack("<Q", count - 1))
    report = penstock.verify(path, tensors=["raw"], loader_type=loader_type)
    assert places(report) == [("raw", held, count - 1, "ChunkFormatError")]
    assert f"holds {held - first} samples, the index expects" in report.findings[0].cause


def test_commits(lake_copy: Copy) -> None:
    path = lake_copy("branched")
    main, left = penstock.open(path), penstock.open(path, commit="left")
    assert penstock.verify(path).commit == penstock.verify(main).commit == main.commit_id
    (path / left["numbers"].chunks.key(0)).unlink()
    found = places(penstock.verify(path, commit="left", tensors=["numbers"]))
    assert found == [("numbers", 0, 11, "ChunkNotFoundError")]
    assert penstock.verify(left).commit == left.commit_id
    assert not [finding for finding in penstock.verify(path).findings if finding.tensor]


def test_progress_reaches_the_end(lake: Copy) -> None:
    seen: list[tuple[int, int]] = []
    report = penstock.verify(lake("many_chunks"), progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (report.samples, report.samples)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_hidden_tensors_are_checked(lake_copy: Copy) -> None:
    path = lake_copy("equal_images")
    hidden = next(iter(penstock.open(path).hidden_tensors.values()))
    (path / hidden.chunks.key(0)).unlink()
    report = penstock.verify(path)
    assert places(report) == [(hidden.name, 0, len(hidden) - 1, "ChunkNotFoundError")]


def test_wrong_arguments(lake: Copy, tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError):
        penstock.verify(tmp_path / "none")
    with pytest.raises(TensorNotFoundError):
        penstock.verify(lake("scalars"), tensors=["none"])
    with pytest.raises(TypeError, match="list of names"):
        penstock.verify(lake("scalars"), tensors="raw")
    with pytest.raises(ValueError, match="num_threads must be at least 1"):
        penstock.verify(lake("scalars"), num_threads=0)
    with pytest.raises(ValueError, match="loader_type"):
        penstock.verify(lake("scalars"), loader_type="rust")


def test_findings_are_plain_values(lake_copy: Copy) -> None:
    path = lake_copy("scalars")
    shutil.rmtree(path / "raw" / "chunks")
    finding = penstock.verify(path, tensors=["raw"]).findings[0]
    assert finding == penstock.verify(path, tensors=["raw"]).findings[0]
    with pytest.raises(FrozenInstanceError):
        finding.cause = ""  # type: ignore[misc]


@both
@pytest.mark.parametrize("fast", [False, True])
def test_chunks_of_what_is_not_decoded_are_checked(loader_type: str, fast: bool, lake_copy: Copy, native: Any) -> None:
    path = lake_copy("media")
    chunk_file(path, "video", 3).unlink()
    cut = chunk_file(path, "mesh", 0)
    cut.write_bytes(cut.read_bytes()[:-1])
    report = penstock.verify(path, fast=fast, loader_type=loader_type)
    chunks = penstock.open(path)["mesh"].chunks
    last = int(chunks.last_index[chunks.locate(0)[0]])
    assert [place for place in places(report) if place[0] == "mesh"] == [("mesh", last, last, "ChunkFormatError")]
    assert next(place for place in places(report) if place[0] == "video")[3] == "ChunkNotFoundError"
    assert {finding.tensor for finding in report.findings} == {"mesh", "video"}


@both
def test_tensors_of_empty_samples_alone_pass(loader_type: str, deeplake: Any, tmp_path: Path, native: Any) -> None:
    kinds: list[dict[str, Any]] = [
        {"dtype": "float32"},
        {"dtype": "float32", "chunk_compression": "lz4"},
        {"htype": "image", "sample_compression": "png"},
        {"htype": "sequence[image]", "sample_compression": "png"},
    ]
    with new_lake(tmp_path / "lake") as lake:
        for number, kind in enumerate(kinds):
            lake.create_tensor(f"x{number}", **kind)
            lake[f"x{number}"].extend([None] * 3)
    report = penstock.verify(tmp_path / "lake", loader_type=loader_type)
    assert report.ok
    assert set(report.undecoded) >= {"x0", "x1", "x2"}
    assert not report.skipped
