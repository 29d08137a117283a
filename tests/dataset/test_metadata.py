"""Metadata that is broken, old, or lies."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.dataset.lake3.keys import FIRST_COMMIT_ID
from penstock.errors import DatasetFormatError, UnsupportedError
from support.damage import edit_json

Lakes = Callable[[str], Path]

JSON_FILES = ["dataset_meta.json", "version_control_info.json", "raw/tensor_meta.json"]


@pytest.mark.parametrize("file", JSON_FILES)
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null", b"[" * 100_000])
def test_broken_json_names_the_file(lake_copy: Lakes, file: str, content: bytes) -> None:
    path = lake_copy("scalars")
    (path / file).write_bytes(content)
    with pytest.raises(DatasetFormatError, match=file) as caught:
        penstock.open(path)
    assert isinstance(caught.value, ValueError)
    assert caught.value.path == str(path)
    assert "open it again when that has finished; else restore it" in str(caught.value)


@pytest.mark.parametrize("file", ["dataset_meta.json", "raw/tensor_meta.json"])
def test_missing_metadata_names_the_file(lake_copy: Lakes, file: str) -> None:
    path = lake_copy("scalars")
    (path / file).unlink()
    with pytest.raises(DatasetFormatError, match=f"'{file}' is missing"):
        penstock.open(path)


@pytest.mark.parametrize(
    ("file", "name"),
    [("raw/tensor_meta.json", "length")]
    + [("version_control_info.json", name) for name in ("branches", "commits")],
)
def test_a_missing_key_is_named(lake_copy: Lakes, file: str, name: str) -> None:
    path = lake_copy("scalars")
    edit_json(path / file, lambda values: values.pop(name))
    with pytest.raises(DatasetFormatError, match=f"'{file}': the key '{name}' is missing"):
        penstock.open(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("length", -1),
        ("length", 1.5),
        ("length", "7"),
        ("length", True),
        ("htype", 3),
        ("is_link", "no"),
        ("sample_compression", ["lz4"]),
    ],
)
def test_values_of_the_wrong_kind(lake_copy: Lakes, name: str, value: Any) -> None:
    path = lake_copy("scalars")
    edit_json(path / "raw/tensor_meta.json", lambda values: values.update({name: value}))
    with pytest.raises(DatasetFormatError, match=r"'raw/tensor_meta\.json'"):
        penstock.open(path)


@pytest.mark.parametrize("key", ["../outside", "/etc", "", "a//b", 3, None])
def test_tensors_cannot_lie_outside_the_dataset(lake_copy: Lakes, key: Any) -> None:
    path = lake_copy("scalars")
    edit_json(path / "dataset_meta.json", lambda values: values["tensor_names"].update({"raw": key}))
    with pytest.raises(DatasetFormatError, match="the tensor 'raw' has the key"):
        penstock.open(path)


@pytest.mark.parametrize("dtype", [">i4", "float128x", "U5", "object"])
def test_other_dtypes_are_refused(lake_copy: Lakes, dtype: str) -> None:
    path = lake_copy("scalars")
    edit_json(path / "raw/tensor_meta.json", lambda values: values.update({"dtype": dtype}))
    tensor = penstock.open(path)["raw"]
    with pytest.raises(UnsupportedError, match=r"dtype '.*' is not supported yet"):
        tensor[0]


ENCODER = "raw/chunks_index/unsharded"


def _encoder(rows: list[tuple[int, int]], width: int = 8, version: bytes = b"3.9.52") -> bytes:
    values = struct.pack(f"<{2 * len(rows)}{'Q' if width == 8 else 'I'}", *sum(rows, ()))
    return bytes([len(version)]) + version + bytes([width]) + values


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "ends inside the writer's version"),
        (b"\x063.9", "ends inside the writer's version"),
        (b"\x06\xff.9.52\x08", "not ASCII"),
        (b"\x06banana\x08", "not a version"),
        (b"\x063.9.52", "ends before the width"),
        (b"\x063.9.52\x05", "chunk ids of 5 bytes"),
        (_encoder([(1, 99)])[:-1], "no whole number of rows"),
        (_encoder([(1, 98)]), "describes 99 samples, the tensor's metadata says 100"),
        (_encoder([]), "describes 0 samples"),
        (_encoder([(1, 50), (2, 40), (3, 99)]), "go backwards"),
        (_encoder([(1, 50), (2, 50), (3, 99)]), "a chunk holds no sample"),
        (_encoder([(1, 50), (2, 2**64 - 1)]), "out of range"),
    ],
)
def test_broken_chunk_indices_name_the_file(lake_copy: Lakes, content: bytes, cause: str) -> None:
    path = lake_copy("scalars")
    (path / ENCODER).write_bytes(content)
    tensor = penstock.open(path)["raw"]
    for read in (lambda: tensor[0], tensor.shapes, tensor.numpy_all, lambda: tensor.chunks):
        with pytest.raises(DatasetFormatError, match=f"'{ENCODER}'.*{cause}.*restore it"):
            read()


def test_a_missing_chunk_index(lake_copy: Lakes) -> None:
    path = lake_copy("scalars")
    (path / ENCODER).unlink()
    with pytest.raises(DatasetFormatError, match=f"'{ENCODER}' is missing.*restore it"):
        penstock.open(path)["raw"][0]


@pytest.mark.parametrize("version", ["3.9.52", "2.7.5"])
def test_narrow_chunk_ids(lake_copy: Lakes, version: str) -> None:
    """Up to 2.7.5 ids had 32 bits and the file did not say so; later writers kept them in old datasets."""
    path = lake_copy("scalars")
    tensor = penstock.open(path)["raw"]
    expected = tensor.numpy_all()
    rows = []
    for row, last in enumerate(tensor.chunks.last_index.tolist()):
        (path / tensor.chunks.key(row)).rename(path / "raw/chunks" / f"{row + 0xABC:x}")
        rows.append((row + 0xABC, last))
    content = _encoder(rows, 4, version.encode())
    if version == "2.7.5":
        content = content.replace(b"\x052.7.5\x04", b"\x052.7.5")
    (path / ENCODER).write_bytes(content)
    assert all(
        np.array_equal(*pair) for pair in zip(penstock.open(path)["raw"].numpy_all(), expected, strict=True)
    )


def test_datasets_without_version_information(lake_copy: Lakes) -> None:
    path = lake_copy("scalars")
    (path / "version_control_info.json").unlink()
    dataset = penstock.open(path)
    assert dataset.commit_id == FIRST_COMMIT_ID
    assert dataset["raw"][5].tolist() == [125]


def test_pickled_version_information_is_not_read(lake_copy: Lakes) -> None:
    path = lake_copy("scalars")
    (path / "version_control_info.json").rename(path / "version_control_info")
    with pytest.raises(UnsupportedError, match="pickle"):
        penstock.open(path)


def test_commits_that_make_no_sense(lake_copy: Lakes) -> None:
    path = lake_copy("scalars")
    file = path / "version_control_info.json"
    edit_json(file, lambda values: values["commits"][FIRST_COMMIT_ID].update(parent=FIRST_COMMIT_ID))
    with pytest.raises(DatasetFormatError, match="its own ancestor"):
        penstock.open(path)
    edit_json(file, lambda values: values["branches"].update(main="../../elsewhere"))
    with pytest.raises(DatasetFormatError, match="not a commit id"):
        penstock.open(path)
    edit_json(file, lambda values: values["branches"].pop("main"))
    with pytest.raises(DatasetFormatError, match="'main' is missing"):
        penstock.open(path)


@pytest.mark.parametrize("content", [b"not hex", b"1f:../../elsewhere", b"\xff", b"1f,,2f"])
def test_broken_lists_of_a_commits_chunks(lake_copy: Lakes, content: bytes) -> None:
    path = lake_copy("committed")
    dataset = penstock.open(path)
    key = f"versions/{dataset.commit_id}/labels/chunk_set"
    (path / key).write_bytes(content)
    with pytest.raises(DatasetFormatError, match=key):
        dataset["labels"][0]


def test_chunks_lie_in_the_folders_of_several_commits(lake: Lakes) -> None:
    dataset = penstock.open(lake("committed"))
    chunks = dataset["images"].chunks
    assert "images/chunks" in chunks.folders
    assert f"versions/{dataset.commit_id}/images/chunks" in chunks.folders
    assert len(chunks.folders) >= 4
    assert dataset.commit_id != FIRST_COMMIT_ID


def test_info_files(lake_copy: Lakes) -> None:
    path = lake_copy("annotations")
    assert penstock.open(path)["labels"].class_names == ["cat", "dog", "émeu"]
    assert penstock.open(path)["pixels/boxes"].info["coords"] == {"type": "pixel", "mode": "LTWH"}
    assert penstock.open(path)["vectors"].class_names is None
    edit_json(path / "labels/tensor_info.json", lambda values: values.update(class_names={"0": "cat"}))
    with pytest.raises(DatasetFormatError, match="class_names"):
        _ = penstock.open(path)["labels"].class_names
    (path / "labels/tensor_info.json").write_text("{")
    with pytest.raises(DatasetFormatError, match=r"labels/tensor_info\.json"):
        _ = penstock.open(path)["labels"].info
    (path / "labels/tensor_info.json").unlink()
    assert penstock.open(path)["labels"].info == {}


def test_scalars_of_the_first_writers_have_an_axis(lake_copy: Lakes) -> None:
    path = lake_copy("scalars")
    edit_json(
        path / "raw/tensor_meta.json",
        lambda values: values.update(version="2.0.5", min_shape=[], max_shape=[]),
    )
    assert penstock.open(path)["raw"][4].tolist() == [64]
