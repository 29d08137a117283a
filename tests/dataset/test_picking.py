"""Samples of a dataset by number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data

import penstock
from penstock.errors import TensorNotFoundError
from support.same import assert_same

Lake = Callable[[str], Path]


def test_a_number_gives_a_sample(lake: Lake) -> None:
    dataset = penstock.open(lake("many_chunks"))
    for index in (0, 7, -1, np.int64(59)):
        sample = dataset[index]
        assert list(sample) == list(dataset.tensors)
        for name, value in sample.items():
            assert_same(value, dataset[name][int(index)])


@pytest.mark.parametrize("picks", [slice(2, 9), slice(None, None, -7), [5, 5, -1], np.array([3, 1]), range(4), []])
def test_a_slice_and_a_list_give_a_dataset(picks: Any, lake: Lake) -> None:
    dataset = penstock.open(lake("many_chunks"))
    part = dataset[picks]
    wanted = np.arange(60)[picks if isinstance(picks, slice) else np.asarray(list(picks), dtype=np.int64)]
    assert len(part) == len(wanted)
    for place, index in enumerate(wanted.tolist()):
        assert_same(part[place], dataset[index])
    assert_same(part[1:][:2].fingerprint(), part[1:3].fingerprint())
    for loader_type in ("c++", "python"):
        batches = list(penstock.DataLoader(part, 2, tensors=["equal/raw"], loader_type=loader_type))
        got = [sample for batch in batches for sample in batch["equal/raw"].numpy()]
        assert_same(got, [dataset["equal/raw"][index] for index in wanted.tolist()])


@pytest.mark.parametrize("wrong", [60, -61, [0, 60], np.array([-61])])
def test_there_is_no_such_sample(wrong: Any, lake: Lake) -> None:
    with pytest.raises(IndexError, match="is out of range: there are 60"):
        penstock.open(lake("many_chunks"))[wrong]


@pytest.mark.parametrize("wrong", [None, 1.5, True, [True, False], ["a"], {}.keys])
def test_what_picks_nothing(wrong: Any, lake: Lake) -> None:
    with pytest.raises(TypeError):
        penstock.open(lake("many_chunks"))[wrong]


def test_names_are_tensors(lake: Lake) -> None:
    with pytest.raises(TensorNotFoundError):
        penstock.open(lake("many_chunks"))["equal"]


def test_torchs_own_loader_takes_a_dataset(lake: Lake) -> None:
    dataset = penstock.open(lake("many_chunks"))[:10]
    loader: Any = torch.utils.data.DataLoader(dataset, batch_size=1)
    for place, batch in enumerate(loader):
        assert_same(batch["equal/lz4_chunk"][0].numpy(), dataset["equal/lz4_chunk"][place])
