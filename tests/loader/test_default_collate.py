"""What becomes of what a transform returns: as with torch's default_collate, but for shapes that differ."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import default_collate

import penstock
from penstock.errors import ConfigError
from penstock.loading.collate import collate_transformed
from support.same import assert_same

Lake = Callable[[str], Path]


class Pair(NamedTuple):
    image: Any
    label: Any


def leaves() -> st.SearchStrategy[Callable[[int], Any]]:
    """How the value of a sample follows from its number."""
    return st.sampled_from(
        [
            lambda n: n,
            lambda n: n + 0.5,
            lambda n: 1 if n % 2 else 1.5,
            lambda n: n % 2 == 0,
            lambda n: f"text {n}",
            lambda n: np.full((2, 3), n, np.float32),
            lambda n: np.float64(n),
            lambda n: np.array(n, np.uint8),
            lambda n: torch.full((3,), n),
            lambda n: torch.tensor(n + 0.5),
        ]
    )


def trees() -> st.SearchStrategy[Callable[[int], Any]]:
    return st.recursive(
        leaves(),
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda of: lambda n: tuple(make(n) for make in of)),
            st.lists(inner, min_size=1, max_size=3).map(lambda of: lambda n: [make(n) for make in of]),
            st.dictionaries(st.sampled_from("abc"), inner, min_size=1).map(
                lambda of: lambda n: {key: make(n) for key, make in of.items()}
            ),
            st.tuples(inner, inner).map(lambda of: lambda n: Pair(of[0](n), of[1](n))),
        ),
        max_leaves=6,
    )


@given(trees(), st.integers(1, 4))
def test_it_is_torchs(make: Callable[[int], Any], count: int) -> None:
    samples = [make(number) for number in range(count)]
    assert_same(collate_transformed(samples), default_collate(samples))


def test_shapes_that_differ_are_a_list() -> None:
    samples = [{"image": np.zeros((size, 2)), "boxes": torch.ones(size, 4)} for size in (1, 3)]
    batch = collate_transformed(samples)
    assert [tuple(image.shape) for image in batch["image"]] == [(1, 2), (3, 2)]
    assert [tuple(boxes.shape) for boxes in batch["boxes"]] == [(1, 4), (3, 4)]
    assert collate_transformed([{"boxes": [1, 2]}, {"boxes": [3]}]) == {"boxes": [[1, 2], [3]]}
    assert collate_transformed([{"n": None}, {"n": None}]) == {"n": [None, None]}


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        ([{"a": 1}, {"b": 1}], r"sample: samples differ in their keys: \['a'\] in the first, \['b'\] in number 1"),
        ([{"a": np.zeros(2)}, {"a": None}], r"sample\['a'\]: some samples have an array"),
        ([{"a": (1, 2)}, {"a": (1,)}], r"sample\['a'\]: samples are tuples of different lengths: \[2, 1\]"),
        ([(1, {"a": 1}), (1, {"b": 1})], r"sample\[1\]: samples differ in their keys"),
    ],
)
def test_what_cannot_be_one_batch(samples: list[Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        collate_transformed(samples)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize(
    "transform",
    [
        lambda sample: (sample["equal/raw"], sample["index"] % 2),
        lambda sample: {"v": 1 if sample["index"] % 2 == 0 else 1.5},
        lambda sample: sample["equal/raw"],
        lambda sample: torch.from_numpy(sample["equal/raw"].copy()),
        lambda sample: sample["index"],
    ],
)
def test_loaders_use_it(loader_type: str, transform: Any, lake: Lake, native: Any) -> None:
    loader = penstock.DataLoader(
        lake("many_chunks"), 4, tensors=["equal/raw"], transform=transform, return_index=True, loader_type=loader_type
    )
    expected = default_collate([loader.dataset[index] for index in range(4)])
    assert_same(next(iter(loader)), expected)
