"""A tensor's interface, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import penstock
from penstock.errors import PenstockError, UnsupportedError

Lakes = Callable[[str], Path]


def test_indices_count_from_both_ends(lake: Lakes) -> None:
    tensor = penstock.open(lake("scalars"))["raw"]
    assert tensor[-1].tolist() == [99**3]
    assert tensor[np.int64(7)].tolist() == [343]
    for outside in (100, -101):
        for read in (tensor.__getitem__, tensor.bytes, tensor.shape):
            with pytest.raises(IndexError, match=r"tensor 'raw' .*100"):
                read(outside)
    with pytest.raises(TypeError):
        tensor["raw"]  # type: ignore[index]


def test_samples_belong_to_the_caller(lake: Lakes) -> None:
    tensor = penstock.open(lake("numeric"))["raw/int32"]
    sample = tensor[0]
    expected = sample.copy()
    sample[:] = 0
    assert np.array_equal(tensor[0], expected)


def test_samples_are_iterated_in_order(lake: Lakes) -> None:
    assert [int(sample[0]) for sample in penstock.open(lake("scalars"))["raw"]] == [n**3 for n in range(100)]


def test_hidden_tensors_are_apart(lake: Lakes) -> None:
    dataset = penstock.open(lake("scalars"))
    assert list(dataset.tensors) == ["lz4_chunk", "lz4_sample", "raw"]
    assert {"_raw_id", "_raw_shape"} <= set(dataset.hidden_tensors)
    assert all(tensor.hidden for tensor in dataset.hidden_tensors.values())
    assert not any(tensor.hidden for tensor in dataset.tensors.values())


def test_renamed_tensors_keep_their_directory(lake: Lakes) -> None:
    tensor = penstock.open(lake("renamed"))["new"]
    assert (tensor.name, tensor.key) == ("new", "old")
    assert tensor[1].tolist() == [2, 3]


def test_reprs_are_short(lake: Lakes) -> None:
    dataset = penstock.open(lake("annotations"))
    assert "length=7" in repr(dataset)
    assert "'labels'" in repr(dataset)
    assert repr(dataset["labels"]) == (
        "Tensor('labels', htype='class_label', dtype=uint32, compression=None, length=7)"
    )


def test_iterating_a_dataset_says_what_to_do(lake: Lakes) -> None:
    with pytest.raises(TypeError, match="DataLoader"):
        list(penstock.open(lake("scalars")))  # type: ignore[call-overload]


REASONS = {
    "linked_tiles": "sample 0 is linked in tiles",
    "nothing": "nothing but empty samples",
}


def test_every_refused_tensor_is_in_the_list(lake: Lakes) -> None:
    dataset = penstock.open(lake("unsupported"))
    refused = {name for name, tensor in dataset.tensors.items() if tensor.unsupported()}
    assert refused == set(REASONS)
    assert dataset["fine"].unsupported() is None
    dataset["fine"].check_supported()


@pytest.mark.parametrize("name", sorted(REASONS))
def test_what_cannot_be_loaded_is_refused_by_name(lake: Lakes, name: str) -> None:
    path = lake("unsupported")
    tensor = penstock.open(path)[name]
    reads: list[Callable[[], object]] = [
        tensor.check_supported,
        lambda: tensor[0],
        tensor.shapes,
        tensor.numpy_all,
    ]
    for read in reads:
        with pytest.raises(UnsupportedError, match=REASONS[name]) as caught:
            read()
        assert isinstance(caught.value, NotImplementedError)
        assert isinstance(caught.value, PenstockError)
        assert (caught.value.tensor, caught.value.path) == (name, str(path))
        assert "Leave it out with tensors=" in str(caught.value)
        assert ("decode={...: 'bytes'}" in str(caught.value)) is (name == "nothing")


@pytest.mark.parametrize(
    "htype", ["video", "audio", "point_cloud", "dicom", "nifti", "mesh", "of the future"]
)
def test_other_htypes_are_refused(lake_copy: Lakes, htype: str) -> None:
    from support.damage import edit_json

    path = lake_copy("scalars")
    edit_json(path / "raw/tensor_meta.json", lambda values: values.update(htype=htype))
    with pytest.raises(UnsupportedError, match=f"htype '{htype}' is not supported yet"):
        penstock.open(path)["raw"].shapes()


@pytest.mark.parametrize("name", ["labels", "numbers", "boxes", "boxes_lz4", "images_png", "empty"])
def test_shapes_of_sequences_are_those_of_their_samples(name: str, lake: Callable[[str], Path]) -> None:
    """Of empty ones too."""
    tensor = penstock.open(lake("sequences"))[name]
    whole = [index for index in range(len(tensor)) if isinstance(tensor[index], np.ndarray)]
    assert [tensor.shape(index) for index in whole] == [tensor[index].shape for index in whole]
    assert whole
