"""Both loader types give every sample of every kind of tensor exactly as Deep Lake reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import penstock
from support.datasets import MAKERS
from support.lake import open_lake, read_oracle
from support.same import assert_same

Lake = Callable[[str], Path]


def loadable(path: Path) -> list[str]:
    """Names of the tensors that are read and have samples."""
    tensors = penstock.open(path).tensors
    return [name for name, tensor in tensors.items() if tensor.unsupported() is None and len(tensor)]


def samples(path: Path, loader_type: str, name: str, batch_size: int) -> list[Any]:
    """All samples of one tensor, unbatched, as arrays or the values they are."""
    with penstock.DataLoader(path, batch_size, tensors=[name], loader_type=loader_type) as loader:
        found = [sample for batch in loader for sample in batch[name]]
    return [sample.numpy().copy() if isinstance(sample, torch.Tensor) else sample for sample in found]


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("dataset", list(MAKERS))
def test_samples_are_those_of_deeplake(dataset: str, loader_type: str, lake: Lake, deeplake: Any, native: Any) -> None:
    path = lake(dataset)
    names = loadable(path)
    assert names
    with open_lake(path) as oracle:
        for name in names:
            expected = [read_oracle(oracle[name], index) for index in range(len(oracle[name]))]
            for batch_size in (1, 4):
                found = samples(path, loader_type, name, batch_size)
                assert len(found) == len(expected)
                for index, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
                    assert_same(ours, theirs, (name, index))


@pytest.mark.parametrize("color", ["rgb", "bgr"])
def test_color_conversion_is_the_same(color: str, lake: Lake, native: Any) -> None:
    for dataset in ("jpeg_images", "png_images", "raw_images"):
        compared = 0
        source = penstock.open(lake(dataset))
        for name in loadable(lake(dataset)):
            tensor = source[name]
            if tensor.dtype != np.uint8 or (dataset != "jpeg_images" and tensor.chunk_compression):
                continue
            for index in range(len(tensor)):
                compression = tensor.sample_compression or "none"
                try:
                    expected = tensor.read(index, color)
                except penstock.errors.UnsupportedError:
                    continue
                found = native.decode_image(tensor.bytes(index), compression, tensor.shape(index), color=color)
                np.testing.assert_array_equal(found, expected, err_msg=f"{dataset} {name}[{index}]")
                compared += 1
        assert compared, dataset


def test_tensors_may_be_renamed(lake: Lake, native: Any) -> None:
    for loader_type in ("c++", "python"):
        loader = penstock.DataLoader(
            lake("annotations"),
            2,
            tensors={"box": "pixels/boxes", "label": "labels"},
            loader_type=loader_type,
            return_index=True,
        )
        batch = next(iter(loader))
        assert list(batch) == ["box", "label", "index"]
        assert torch.equal(batch["index"], torch.tensor([0, 1]))
