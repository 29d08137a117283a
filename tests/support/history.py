"""Comparing every state of a dataset with what deeplake reads of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

import penstock
from support.lake import open_lake, read_oracle
from support.same import assert_same

__all__ = ["addresses", "assert_same_dataset"]


def addresses(path: Path) -> list[str]:
    """All branches and commits, those being written included."""
    with open_lake(path) as lake:
        return [*lake.branches, *lake.version_state["commit_node_map"]]


def assert_same_dataset(path: Path, address: str) -> None:
    """Every sample of every tensor at a commit or branch is the one that deeplake reads after a checkout."""
    ours = penstock.open(path, commit=address)
    with open_lake(path) as theirs:
        theirs.checkout(address)
        assert (ours.commit_id, ours.branch) == (theirs.pending_commit_id, theirs.branch)
        assert list(ours.tensors) == list(theirs.tensors)
        assert ours.info == dict(theirs.info.items())
        for name, tensor in ours.tensors.items():
            expected = [read_oracle(theirs[name], index) for index in range(len(theirs[name]))]
            assert_same([tensor[index] for index in range(len(tensor))], expected, (address, name))
            for loader_type in ("c++", "python") if expected else ():
                assert_same(_loaded(ours, name, loader_type), expected, (address, name, loader_type))


def _loaded(dataset: penstock.Dataset, name: str, loader_type: str) -> list[Any]:
    with penstock.DataLoader(dataset, 3, tensors=[name], loader_type=loader_type) as loader:
        found = [sample for batch in loader for sample in batch[name]]
    return [sample.numpy() if isinstance(sample, torch.Tensor) else sample for sample in found]
