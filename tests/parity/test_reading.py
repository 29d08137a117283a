"""Every sample of every dataset, read by Penstock and by deeplake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from support.datasets import MAKERS
from support.lake import open_lake, read_oracle
from support.same import assert_same


@pytest.fixture(params=sorted(MAKERS))
def path(request: pytest.FixtureRequest, lake: Callable[[str], Path]) -> Path:
    return lake(request.param)


def test_the_dataset_looks_as_deeplake_says(path: Path) -> None:
    ours = penstock.open(path)
    with open_lake(path) as theirs:
        assert list(ours.tensors) == list(theirs.tensors)
        assert len(ours) == len(theirs)
        assert ours.info == dict(theirs.info.items())
        assert ours.branch == theirs.branch
        assert sorted(ours.groups) == sorted(theirs.meta.groups)
        for name, tensor in ours.tensors.items():
            their = theirs[name]
            assert len(tensor) == len(their), name
            assert tensor.base_htype == (their.meta.htype or "generic"), name
            assert tensor.htype == str(their.htype).replace("None", "generic"), name
            assert tensor.sample_compression == their.meta.sample_compression, name
            assert tensor.chunk_compression == their.meta.chunk_compression, name
            assert list(tensor.min_shape) == their.meta.min_shape, name
            assert list(tensor.max_shape) == their.meta.max_shape, name
            assert tensor.info == dict(their.info.items()), name
            assert tensor.class_names == (list(their.info.get("class_names") or []) or None), name


def test_every_sample_is_the_one_that_deeplake_reads(path: Path) -> None:
    ours = penstock.open(path)
    with open_lake(path) as theirs:
        compared = 0
        for name, tensor in _loadable(ours).items():
            for index in range(len(tensor)):
                expected = read_oracle(theirs[name], index)
                _check_equal(tensor[index], expected, f"{name}[{index}]")
                compared += 1
    assert compared > 0


def test_shapes_are_those_of_the_samples(path: Path) -> None:
    ours = penstock.open(path)
    with open_lake(path) as theirs:
        for name, tensor in _loadable(ours).items():
            if tensor.is_sequence or tensor.is_link:
                continue  # their shapes have tests of their own
            expected = [_shape_of(theirs[name], index) for index in range(len(tensor))]
            shapes = tensor.shapes()
            assert shapes.dtype == np.int64
            assert shapes.shape == (len(tensor), tensor.ndim)
            assert [tuple(shape) for shape in shapes.tolist()] == expected, name
            assert [tensor.shape(index) for index in range(len(tensor))] == expected, name


def test_reading_all_at_once_gives_the_same_samples(path: Path) -> None:
    for name, tensor in _loadable(penstock.open(path)).items():
        samples = tensor.numpy_all()
        assert len(samples) == len(tensor)
        for index, sample in enumerate(samples):
            _check_equal(sample, tensor[index], f"{name}[{index}]")


def test_stored_bytes_are_those_that_deeplake_keeps(path: Path) -> None:
    ours = penstock.open(path)
    with open_lake(path) as theirs:
        for name, tensor in _loadable(ours).items():
            # deeplake refuses the others, and fails at empty links.
            if tensor.chunk_compression is None and not tensor.is_sequence:
                for index in range(len(tensor)):
                    if index in tensor.chunks.tiles or (tensor.is_link and tensor.shape(index) == (0,)):
                        continue
                    assert tensor.bytes(index) == theirs[name][index].tobytes(), f"{name}[{index}]"


def test_hidden_tensors_are_read_too(path: Path) -> None:
    ours = penstock.open(path)
    with open_lake(path) as theirs:
        assert list(ours.hidden_tensors) == sorted(set(theirs._tensors()) - set(theirs.tensors))
        for name, tensor in ours.hidden_tensors.items():
            if tensor.unsupported() is None:
                for index in range(len(tensor)):
                    expected = theirs._tensors()[name][index].numpy()
                    _check_equal(tensor[index], expected, f"{name}[{index}]")


def _loadable(dataset: penstock.Dataset) -> dict[str, penstock.Tensor]:
    return {name: tensor for name, tensor in dataset.tensors.items() if tensor.unsupported() is None}


def _shape_of(tensor: Any, index: int) -> tuple[int, ...]:
    if tensor.htype != "polygon":
        return read_oracle(tensor, index).shape  # type: ignore[no-any-return]
    # deeplake says () of a sample without polygons; its chunks say (0, 0, 0), and so do we.
    return tensor[index].shape or (0, 0, 0)


def _check_equal(ours: Any, expected: Any, where: str) -> None:
    assert_same(ours, expected, where)
    arrays = [array for array in (ours if isinstance(ours, list) else [ours]) if isinstance(array, np.ndarray)]
    for array in arrays:
        assert array.flags.writeable, where
        assert array.flags.owndata or array.base.flags.owndata, where
