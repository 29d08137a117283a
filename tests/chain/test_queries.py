"""Queries of Deep Lake's chain, against deeplake's own filter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock import errors
from penstock.chain import Chain
from support.chains import write
from support.lake import new_lake, open_lake

Begin = Callable[..., Chain]


@pytest.fixture(scope="module")
def path(deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(
        tmp_path_factory.mktemp("queries") / "lake",
        label=({"htype": "class_label", "class_names": ["cat", "dog", "bird"]}, np.arange(30, dtype=np.uint32) % 3),
        size=({}, np.arange(30)),
        marks__seen=({}, np.arange(30) % 2),
    )


def order(chain: Chain) -> list[int]:
    return [int(index) for batch in chain for index in batch["index"]]


EXPRESSIONS = ["label == 'dog'", "label == 2", "size > 11 and label != 'cat'", "size.max < 4", "marks.seen == 1"]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expressions_are_those_of_deeplakes_filter(begin: Begin, expression: str, path: Path) -> None:
    with open_lake(path) as lake:
        view = lake.filter(expression, progressbar=False)
        expected = list(view.index.values[0].value)
        assert 0 < len(expected) < 30
        for dataset in (path, lake):
            assert order(begin(dataset).query(expression).batch(4).pytorch()) == expected


def test_queries_of_views_and_of_queries(begin: Begin, path: Path) -> None:
    with open_lake(path) as lake:
        view = begin(lake[[20, 7, 4, 25, 3, 20]])
        assert order(view.query("size > 5").pytorch()) == [20, 7, 25, 20]
        assert order(view.query("size > 5").query("label == 'dog'").pytorch()) == [7, 25]
    assert order(begin(path).query("size > 20").query("size < 23").offset(1).pytorch()) == [22, 21]


def test_queries_of_a_commit(begin: Begin, tmp_path: Path) -> None:
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("size")
        lake["size"].extend(np.arange(6))
        first = lake.commit("six")
        lake["size"].extend(np.arange(6))
        lake["size"][5] = 0
        lake.commit("twelve")
        lake["size"].append(9)
    for commit, expected in ((first, [4, 5]), ("main", [4, 10, 11, 12])):
        dataset = penstock.open(tmp_path / "lake", commit=commit)
        assert order(begin(dataset).query("size > 3").pytorch()) == expected


def test_queries_keep_groups(begin: Begin, path: Path) -> None:
    with open_lake(path) as lake:
        batches = list(begin(lake["marks"]).query("size > 26").pytorch())
    assert [batch["marks/seen"].item() for batch in batches] == [1, 0, 1]
    assert list(batches[0].keys()) == ["marks/seen", "index"]


def test_weights_by_conditions(begin: Begin, path: Path) -> None:
    drawn = begin(path).sample_by("max_weight(label == 'cat': 3, label == 'dog': 1, size < 0: 7)", size=800).pytorch()
    counts = Counter(index % 3 for index in order(drawn))
    assert set(counts) == {0, 1}
    assert 2.3 < counts[0] / counts[1] < 3.9
    both = begin(path).sample_by("sum_weight(label == 0: 1, size == 3: 7.5, true: 0.5)", size=6000).batch(500).pytorch()
    counts = Counter(order(both))
    # Sample 3 has 9, nine others 1.5, twenty 0.5: of 32.5.
    assert 1500 < counts[3] < 1830
    assert abs(sum(counts[index] for index in range(0, 30, 3)) - counts[3] - 6000 * 13.5 / 32.5) < 160


def test_queries_come_before_weights(begin: Begin, path: Path) -> None:
    with pytest.raises(errors.ConfigError, match="query comes before sample_by"):
        begin(path).sample_by([1] * 30).query("label == 0")
    found = order(begin(path).query("label == 0").sample_by([0, 1] + [0] * 8, size=5).pytorch())
    assert found == [3] * 5


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("label == 2 and lable == 2", "deeplake cannot filter by .*NameError.*Write an expression such as"),
        ("label ==", "deeplake cannot filter by .*SyntaxError"),
        ("lable == 2", "the query 'lable == 2' names no tensor"),
        ("", "the query '' names no tensor.*label"),
    ],
)
def test_wrong_expressions(begin: Begin, expression: str, words: str, path: Path) -> None:
    with pytest.raises(errors.ConfigError, match=words):
        begin(path).query(expression)
    with pytest.raises(TypeError, match="a query is text, got 3"):
        begin(path).query(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["select * order by label", " (SELECT * limit 3) union (select * limit 2)"])
def test_the_query_language_needs_deeplakes_engine(begin: Begin, text: str, path: Path) -> None:
    """Which needs an account."""
    with pytest.raises(errors.UnsupportedError, match=r"own engine does not run the query.*filter, query\("):
        begin(path).query(text)
