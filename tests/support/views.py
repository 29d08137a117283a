"""Comparing views with those of deeplake."""

from __future__ import annotations

from typing import Any

import torch

import penstock
from support.same import assert_same

__all__ = ["assert_same_view"]


def assert_same_view(ours: penstock.Dataset, theirs: Any) -> None:
    """Every sample of every tensor is the one that deeplake's view has, one by one, all at once and in batches."""
    # In no order: deeplake's changes when what was created in this session is loaded anew.
    assert set(ours.tensors) == set(theirs.tensors)
    assert len(ours) == len(theirs)
    assert len(ours) > 0
    for name, tensor in ours.tensors.items():
        expected = _samples(theirs[name])
        assert len(tensor) == len(expected), name
        assert_same([tensor[index] for index in range(len(tensor))], expected, name)
        assert_same(tensor.numpy_all(), expected, name)
        if tensor.value_format is None:
            shapes = [sample.shape for sample in expected]
            assert [tuple(shape) for shape in tensor.shapes().tolist()] == shapes, name
            assert [tensor.shape(index) for index in range(len(tensor))] == shapes, name
        for loader_type in ("c++", "python"):
            assert_same(_loaded(ours, name, loader_type), expected, (name, loader_type))


def _samples(tensor: Any) -> list[Any]:
    if not tensor.index.subscriptable_at(0):
        # A view of a single sample.
        return [tensor.numpy()]
    return [tensor[index].numpy() for index in range(len(tensor))]


def _loaded(dataset: penstock.Dataset, name: str, loader_type: str) -> list[Any]:
    with penstock.DataLoader(dataset, 3, tensors=[name], loader_type=loader_type) as loader:
        found = [sample for batch in loader for sample in batch[name]]
    return [sample.numpy() if isinstance(sample, torch.Tensor) else sample for sample in found]
