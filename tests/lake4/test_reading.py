"""Every sample of every column equals Deep Lake 4's own reading, whichever way it comes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import penstock
from penstock.errors import DecodeError, UnsupportedError
from support import lake4_datasets
from support.same import assert_same

Lakes = Callable[[str], Path]


def deeplake_sample(column: Any, index: int) -> Any:
    """The sample as Deep Lake reads it; its dicts as what their JSON says, and polygons always as a list."""
    value = column[index]
    if type(value).__name__ == "Dict":
        return json.loads(str(value))
    return list(value) if column.name == "polygons" else value


@pytest.mark.parametrize("name", ["every_type", "every_number"])
def test_samples(name: str, lake4: Lakes, deeplake4: Any) -> None:
    theirs = deeplake4.open_read_only(str(lake4(name)))
    ours = penstock.open(lake4(name))
    assert list(ours.tensors) == [column.name for column in theirs.schema.columns]
    assert len(ours) == len(theirs)
    for tensor in ours.tensors.values():
        column = theirs[tensor.name]
        expected = [deeplake_sample(column, i) for i in range(len(theirs))]
        assert_same([tensor[i] for i in range(len(ours))], expected, tensor.name)
        assert_same(tensor.numpy_all(), expected, tensor.name)
        assert_same(tensor[-1], expected[-1], tensor.name)
        if isinstance(expected[0], np.ndarray):
            assert tensor.shapes().tolist() == [list(array.shape) for array in expected], tensor.name
            assert [tensor.shape(i) for i in range(len(ours))] == [array.shape for array in expected], tensor.name
            assert tensor.ndim == expected[0].ndim, tensor.name
            assert tensor.min_shape == tuple(tensor.shapes().min(axis=0)), tensor.name
            assert tensor.dtype == expected[0].dtype, tensor.name


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("name", ["every_type", "every_number"])
def test_batches(name: str, loader_type: str, shuffle: bool, lake4: Lakes, deeplake4: Any, native: Any) -> None:
    theirs = deeplake4.open_read_only(str(lake4(name)))
    seen = []
    loader = penstock.DataLoader(
        lake4(name), 3, shuffle=shuffle, seed=1, loader_type=loader_type, return_index=True, num_threads=2
    )
    for batch in loader:
        indices = batch.pop("index").tolist()
        for key, values in batch.items():
            for index, value in zip(indices, values, strict=True):
                sample = value.numpy() if isinstance(value, torch.Tensor) else value
                assert_same(sample, deeplake_sample(theirs[key], index), (key, index))
        seen += indices
    assert sorted(seen) == list(range(len(theirs)))
    assert (seen == sorted(seen)) is not shuffle


def test_its_chunks_are_not_seen_and_so_it_is_shuffled_fully(lake4: Lakes, caplog: pytest.LogCaptureFixture) -> None:
    dataset = penstock.open(lake4("every_number"))
    assert not dataset.is_remote
    assert all(tensor.chunk_numbers() is None for tensor in dataset.tensors.values())
    with caplog.at_level("INFO", "penstock"):
        loader = penstock.DataLoader(dataset, 3, shuffle="chunk", seed=1, loader_type="python")
    assert "shuffle='full': no chunks of" in caplog.text
    assert loader.state_dict()["order"] == "full"
    assert list(loader.sampler) == list(penstock.DataLoader(dataset, 3, shuffle=True, seed=1).sampler)


def test_samples_are_the_callers_own(lake4: Lakes) -> None:
    dataset = penstock.open(lake4("every_type"))
    for name in ("jpegs", "plain", "boxes", "matrix", "any_rank"):
        dataset[name][3][...] = 0
        dataset[name].numpy_all()[3][...] = 0
        assert dataset[name][3].any(), name


def test_htypes_and_what_the_columns_note(lake4: Lakes) -> None:
    tensors = penstock.open(lake4("every_type")).tensors
    htypes = {name: tensor.htype for name, tensor in tensors.items()}
    expected = {
        **dict.fromkeys(("jpegs", "pngs", "deep", "plain"), "image"),
        **dict.fromkeys(("boxes", "undeclared"), "bbox"),
        **dict.fromkeys(("label", "labels"), "class_label"),
        **dict.fromkeys(("segments", "segments_lz4"), "segment_mask"),
        **dict.fromkeys(("masks", "masks_lz4"), "binary_mask"),
        "polygons": "polygon",
        "text": "text",
        "record": "json",
        "embedding": "embedding",
        "points": "point",
        "vector": "generic",
    }
    assert {name: htypes[name] for name in expected} == expected
    assert tensors["boxes"].info["coords"] == {"type": "fractional", "mode": "LTRB"}
    assert "coords" not in tensors["undeclared"].info
    assert tensors["jpegs"].sample_compression == "jpeg"
    assert tensors["jpegs"].bytes(0).startswith(b"\xff\xd8")


def test_metadata_and_renamed_boxes(deeplake4: Any, tmp_path: Path) -> None:
    lake = deeplake4.create(str(tmp_path / "lake"))
    lake.add_column("old", deeplake4.types.BoundingBox(format="ccwh", bbox_type="pixel"))
    lake.add_column("labels", deeplake4.types.ClassLabel("int32"))
    lake["labels"].metadata["class_names"] = ["cat", "dog"]
    lake.metadata["author"] = "nobody"
    lake.append([{"old": np.ones((1, 4), np.float32), "labels": 1}])
    lake.commit()
    lake.rename_column("old", "new")
    lake.commit()
    dataset = penstock.open(tmp_path / "lake")
    assert dataset["new"].info["coords"] == {"type": "pixel", "mode": "CCWH"}
    assert dataset["labels"].class_names == ["cat", "dog"]
    assert dataset["new"].class_names is None
    assert dataset.info["author"] == "nobody"


def test_columns_that_cannot_be_loaded_are_refused_by_name(deeplake4: Any, tmp_path: Path) -> None:
    types = deeplake4.types
    lake = deeplake4.create(str(tmp_path / "lake"))
    lake.add_column("fine", types.Int32())
    lake.add_column("video", types.Video())
    lake.add_column("maybe", types.Nullable(types.Float32()))
    lake.add_column("images", types.Sequence(types.Image(sample_compression="jpeg")))
    lake.commit()
    tensors = penstock.open(tmp_path / "lake").tensors
    assert tensors["fine"].unsupported() is None
    assert tensors["video"].max_shape == ()
    for name, word in (("video", "video"), ("maybe", "nullable"), ("images", "sequence[image]")):
        with pytest.raises(penstock.errors.UnsupportedError) as caught:
            penstock.DataLoader(tmp_path / "lake", tensors=[name])
        assert word in str(caught.value) and f"'{name}'" in str(caught.value)


def test_samples_that_were_never_given(deeplake4: Any, tmp_path: Path, native: Any) -> None:
    """Of columns that are younger than the row: nothing, of the right kind."""
    types = deeplake4.types
    lake = deeplake4.create(str(tmp_path / "lake"))
    lake.add_column("number", types.Int32())
    lake.append([{"number": 1}, {"number": 2}])
    lake.commit()
    lake.add_column("images", types.Image(sample_compression="jpeg"))
    lake.add_column("boxes", types.BoundingBox())
    lake.add_column("text", types.Text())
    lake.add_column("score", types.Float32())
    lake.commit()
    with pytest.raises(DecodeError, match=r"gives nothing .*'score', sample 1.*older than the column"):
        penstock.open(tmp_path / "lake")["score"][1]
    for loader_type in ("c++", "python"):
        given = ["images", "boxes", "text"]
        (batch,) = penstock.DataLoader(tmp_path / "lake", 2, tensors=given, loader_type=loader_type)
        assert batch["images"].shape == (2, 0, 0, 0) and batch["images"].dtype == torch.uint8
        assert batch["boxes"].shape == (2, 0, 0) and batch["boxes"].dtype == torch.float32
        assert batch["text"] == [None, None]
    assert penstock.open(tmp_path / "lake")["boxes"].shapes().tolist() == [[0, 0]] * 2


def test_a_dataset_without_rows(deeplake4: Any, tmp_path: Path) -> None:
    lake = deeplake4.create(str(tmp_path / "lake"))
    lake.add_column("boxes", deeplake4.types.BoundingBox())
    lake.commit()
    dataset = penstock.open(tmp_path / "lake")
    assert len(dataset) == 0 and dataset["boxes"].shapes().shape == (0, 2) and dataset["boxes"].numpy_all() == []
    loader = penstock.DataLoader(dataset)
    assert len(loader) == 0 and list(loader) == []


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_samples_of_different_numbers_of_axes(loader_type: str, deeplake4: Any, tmp_path: Path, native: Any) -> None:
    from deeplake import types

    arrays = [np.ones((2, 2), "f4"), np.array(3, "f4"), np.ones(3, "f4"), np.zeros((0, 4), "f4")]
    rows = [{"any": array} for array in arrays]
    lake4_datasets.write(tmp_path / "lake", {"any": types.Array("float32")}, rows)
    dataset = penstock.open(tmp_path / "lake")
    assert_same(dataset["any"].numpy_all(), arrays, "one by one")
    (batch,) = penstock.DataLoader(dataset, len(arrays), loader_type=loader_type)
    assert_same([sample.numpy() for sample in batch["any"]], arrays, loader_type)
    with pytest.raises(UnsupportedError, match="samples have 2 axes and 0"):
        dataset["any"].shapes()
    assert dataset["any"].max_shape == ()


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_empty_texts_are_not_missing_ones(loader_type: str, deeplake4: Any, tmp_path: Path, native: Any) -> None:
    from deeplake import types

    columns = {"text": types.Text(), "raw": types.Bytes()}
    lake4_datasets.write(tmp_path / "lake", columns, [{"text": text, "raw": text.encode()} for text in ("", "a", "")])
    (batch,) = penstock.DataLoader(tmp_path / "lake", 3, loader_type=loader_type)
    assert batch == {"text": ["", "a", ""], "raw": [b"", b"a", b""]}
