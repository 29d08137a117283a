"""Batches of Deep Lake's chain are those of deeplake's own loader: keys, types, shapes, values."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import penstock
from penstock.chain import Chain
from support.chains import equal, squares, write
from support.lake import open_lake

Begin = Callable[..., Chain]
Lake = Callable[[str], Path]


def theirs(lake: Any, **arguments: Any) -> list[Any]:
    """All batches of ``ds.pytorch()``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(lake.pytorch(**{"num_workers": 0, "batch_size": 1} | arguments))


def assert_same_value(ours: Any, expected: Any, where: Any) -> None:
    if isinstance(expected, torch.Tensor):
        assert isinstance(ours, torch.Tensor), where
        assert (ours.dtype, ours.shape) == (expected.dtype, expected.shape), where
        assert torch.equal(torch.nan_to_num(ours), torch.nan_to_num(expected)), where
    elif isinstance(expected, dict):
        assert set(ours.keys()) == set(expected.keys()), where
        for key, value in expected.items():
            assert_same_value(ours[key], value, (where, key))
    elif isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(ours, expected, str(where))
    else:
        assert ours == expected, where


def assert_same_batches(ours: list[Any], expected: list[Any]) -> None:
    assert len(ours) == len(expected)
    for number, (batch, their) in enumerate(zip(ours, expected, strict=True)):
        assert list(batch.keys()) == list(their.keys())
        for value, key in zip(batch, their.keys(), strict=True):
            assert value is batch[key]
            assert_same_value(value, their[key], (number, key))


TENSORS = [
    ("annotations", ["pixels/boxes", "labels", "masks", "areas", "points", "vectors"]),
    ("numeric", ["raw/bool", "raw/uint16", "lz4_sample/uint32", "raw/uint64", "lz4_sample/float32", "raw/float16"]),
    ("numeric", ["raw/int8", "lz4_sample/complex64", "raw/int64"]),
    ("jpeg_images", ["gray"]),
    ("png_images", ["rgb", "gray", "rgba", "bits", "deep_uint16"]),
]


@pytest.mark.parametrize(("dataset", "names"), TENSORS)
def test_each_kind_of_tensor(begin: Begin, dataset: str, names: list[str], lake: Lake) -> None:
    path = lake(dataset)
    with open_lake(path) as oracle:
        for name in names:
            expected = theirs(oracle, tensors=[name])
            assert_same_batches(list(begin(path).pytorch(tensors=[name])), expected)
            # Also where Python makes each batch of samples.
            through = begin(path).transform(lambda sample: sample).pytorch(tensors=[name])
            assert_same_batches(list(through), expected)


@pytest.mark.parametrize("size", [1, 3, 20])
@pytest.mark.parametrize("index", [slice(None), slice(4, 13, 3), [7, 7, 2, 11]], ids=str)
def test_batches_of_several_tensors(begin: Begin, size: int, index: Any, tmp_path: Path) -> None:
    labels = np.arange(16, dtype=np.uint32)
    names = [f"picture {number}" for number in range(16)]
    path = write(
        tmp_path / "lake",
        image=equal(),
        xyz=squares(16),
        label=({"htype": "class_label", "class_names": ["a", "b"]}, labels % 2),
        name=({"htype": "text"}, names),
        group__wide=({"dtype": "uint16"}, labels.astype(np.uint16)),
    )
    with open_lake(path) as lake:
        view = lake[index]
        for drop_last in (False, True):
            expected = theirs(view, batch_size=size, drop_last=drop_last)
            assert_same_batches(list(begin(view).batch(size, drop_last).pytorch()), expected)
        expected = theirs(view, batch_size=size, tensors=["name", "label"], return_index=False)
        chain = begin(view).batch(size).pytorch(tensors=["name", "label"], return_index=False)
        assert_same_batches(list(chain), expected)


@pytest.mark.parametrize(
    ("methods", "tensors"),
    [
        ({"label": "data"}, ["label"]),
        ({"name": "data"}, ["name"]),
        ({"image": "tobytes"}, ["image", "label"]),
        ({"image": "data", "label": "data"}, ["label", "image"]),
    ],
)
def test_decode_methods(begin: Begin, methods: dict[str, str], tensors: list[str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (6, 20, 30, 3), np.uint8)
    path = write(
        tmp_path / "lake",
        image=({"htype": "image", "sample_compression": "jpeg"}, images),
        label=({"htype": "class_label", "class_names": ["a", "b", "c"]}, np.arange(6, dtype=np.uint32) % 3),
        name=({"htype": "text"}, [f"picture {number}" for number in range(6)]),
    )

    def listed(batch: list[Any]) -> list[Any]:
        return batch

    with open_lake(path) as lake:
        expected = theirs(lake, tensors=list(tensors), decode_method=methods, collate_fn=listed)
        ours = list(begin(path).pytorch(tensors=tensors, decode_method=methods, collate_fn=listed))
        assert_same_batches([batch[0] for batch in ours], [batch[0] for batch in expected])


def test_transforms(begin: Begin, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", xyz=squares(), label=({"dtype": "uint16"}, np.arange(8, dtype=np.uint16)))

    def pair(sample: Any) -> Any:
        return sample["xyz"] * 3, sample["label"] + sample["index"]

    steps = {"label": None, "xyz": lambda value: value - 1, "index": None}
    with open_lake(path) as lake:
        expected = theirs(lake, batch_size=4, transform=pair)
        ours = list(begin(path).batch(4).transform(pair).pytorch())
        assert len(ours) == len(expected) == 2
        for batch, their in zip(ours, expected, strict=True):
            assert_same_value(dict(enumerate(batch)), dict(enumerate(their)), "pair")
        expected = theirs(lake, batch_size=4, transform=steps)
        assert_same_batches(list(begin(path).batch(4).transform(steps).pytorch()), expected)


def same(ours: Any, other: Any, where: Any) -> None:
    assert type(ours) is type(other), where
    if isinstance(ours, dict):
        assert list(ours.keys()) == list(other.keys()), where
        for key, value in ours.items():
            same(value, other[key], (where, key))
    elif isinstance(ours, list):
        assert len(ours) == len(other), where
        for value, their in zip(ours, other, strict=True):
            same(value, their, where)
    elif isinstance(ours, torch.Tensor):
        assert_same_value(ours, other, where)
    elif isinstance(ours, np.ndarray):
        np.testing.assert_array_equal(ours, other, str(where))
    else:
        assert ours == other, where


KINDS = ["texts", "polygons", "sequences", "empties", "scalars", "numeric", "tiled", "linked"]


@pytest.mark.parametrize("dataset", KINDS)
def test_batches_are_the_same_with_and_without_python(begin: Begin, dataset: str, lake: Lake) -> None:
    """Of every kind of tensor: as the core makes them, and as they are put together of samples."""
    path = lake(dataset)
    source = penstock.open(path)
    names = [name for name, tensor in source.tensors.items() if tensor.unsupported() is None and len(tensor)]
    assert names
    for name in names:
        methods = [{}] if source[name].is_link else [{}, {name: "data"}]
        for method in methods:
            chain = begin(path).batch(3)
            batches = [list(made.pytorch(tensors=[name], decode_method=method)) for made in (chain, through(chain))]
            assert len(batches[0]) == -(-len(source[name]) // 3)
            same(*batches, (name, method))


def through(chain: Chain) -> Chain:
    return chain.transform(lambda sample: sample)


def test_the_default_loader_type(deeplake: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "lake", xyz=squares())
    with open_lake(path) as lake:
        assert_same_batches(list(penstock.dataloader(path).batch(3).pytorch()), theirs(lake, batch_size=3))
