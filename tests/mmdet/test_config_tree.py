"""A configuration's wrappers are gone through in one place, and its datasets are counted and found by that."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.errors import ConfigError
from support.require import require

require("mmdet")

from penstock.integrations.mmdet.config_tree import LISTED, read_tree  # noqa: E402

ONE: dict[str, Any] = {"type": "CocoDataset", "deeplake_path": "a"}
TWO: dict[str, Any] = {"deeplake_path": "b", "samples_per_gpu": 3}


def repeated(inner: Any, **keys: Any) -> dict[str, Any]:
    return {"type": "RepeatDataset", "times": 2, "dataset": inner, **keys}


def joined(*inner: Any, **keys: Any) -> dict[str, Any]:
    return {"type": "ConcatDataset", "datasets": list(inner), **keys}


@pytest.mark.parametrize(
    ("cfg", "paths", "places"),
    [
        (ONE, ["a"], ["data.train"]),
        ([ONE, TWO], ["a", "b"], ["data.train[0]", "data.train[1]"]),
        (repeated([ONE, repeated(TWO)]), ["a", "b"], ["data.train.dataset[0]", "data.train.dataset[1].dataset"]),
        (joined(ONE, (TWO,)), ["a", "b"], ["data.train.datasets[0]", "data.train.datasets[1][0]"]),
        ({"type": "RepeatDataset", "times": 2}, [], []),
    ],
    ids=["one", "list", "nested", "joined", "lacking"],
)
def test_the_datasets_from_left_to_right(cfg: Any, paths: list[str], places: list[str]) -> None:
    tree = read_tree(cfg, "data.train")
    leaves = list(tree.leaves())
    assert [leaf.keys["deeplake_path"] for leaf in leaves] == paths
    assert [leaf.where for leaf in leaves] == places
    assert tree.has_path == bool(paths)
    assert tree.count() == len(paths)


def test_lists_in_a_dataset_stand_for_several() -> None:
    tree = read_tree(joined({"deeplake_path": ["a", "b"], "deeplake_view_id": ["v", "w"]}, ONE), "data.train")
    assert tree.count() == 3
    assert read_tree({"deeplake_path": ["a", "b"]}, "data.train").count(LISTED[1:]) == 1


def test_a_path_of_a_wrapper_is_one_of_what_it_wraps() -> None:
    assert read_tree(repeated({"classes": ["x"]}, deeplake_path="a"), "data.train").has_path
    assert not read_tree(repeated({"classes": ["x"]}), "data.train").has_path


@pytest.mark.parametrize(
    ("cfg", "settings"),
    [
        (TWO, TWO),
        (ONE, ONE),
        (repeated(TWO), TWO),
        ([ONE, TWO], ONE),
        (repeated([TWO, ONE], samples_per_gpu=4), repeated([TWO, ONE], samples_per_gpu=4)),
        (joined(repeated(TWO), ONE), TWO),
    ],
    ids=str,
)
def test_the_outermost_that_says_how_to_load(cfg: Any, settings: Any) -> None:
    assert read_tree(cfg, "data.train").settings() == settings


@pytest.mark.parametrize(
    ("cfg", "said"),
    [
        (5, "data.train: a dict with a dataset's keys is needed, or a list of such, got 5"),
        ([ONE, "x"], "data.train[1]: a dict with a dataset's keys is needed"),
        ([], "data.train: a list of datasets is needed, got []"),
        (joined(), "data.train.datasets: a list of datasets is needed, got []"),
        (repeated(ONE) | {"type": "RepeatDatset"}, "no wrapper of datasets 'RepeatDatset'. Did you mean 'Repeat"),
    ],
    ids=str,
)
def test_what_is_no_configuration(cfg: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_tree(cfg, "data.train")
    assert said in str(caught.value)
