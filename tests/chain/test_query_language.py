"""The part of Deep Lake's query language that deeplake's filter runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock import errors
from penstock.chain import Chain
from penstock.chain.query_language import Kind, translate
from support.chains import write
from support.lake import open_lake

Begin = Callable[..., Chain]

NAMES = ["cat", "dog", "bird"]
KINDS: dict[str, Kind] = {
    "label": ("label", True),
    "size": ("number", True),
    "words": ("text", True),
    "many": ("number", False),
    "marks/seen": ("number", True),
    "two words": ("number", True),
}


@pytest.fixture(scope="module")
def path(deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(
        tmp_path_factory.mktemp("language") / "lake",
        label=({"htype": "class_label", "class_names": NAMES}, np.arange(30, dtype=np.uint32) % 3),
        labels=({"htype": "class_label", "class_names": NAMES}, [[n % 3, n % 2] for n in range(30)]),
        size=({}, np.arange(30) / 2),
        words=({"htype": "text"}, [f"word {n % 4}" for n in range(30)]),
        marks__seen=({}, np.arange(30) % 2),
    )


QUERIES: list[tuple[str, Callable[[int], bool]]] = [
    ("select * where label != 1", lambda n: n % 3 != 1),
    ("SELECT * WHERE label = 'dog'", lambda n: n % 3 == 1),
    ("select * where size >= 3.5 and size < 9", lambda n: 7 <= n < 18),
    ("select * where size > -1 AND NOT (label == 'cat' OR label == 'dog')", lambda n: n % 3 == 2),
    ("select * where not label = 0 and size <> 2", lambda n: n % 3 != 0 and n != 4),
    ("select * where label = 0 or label = 1 and size > 10", lambda n: n % 3 == 0 or (n % 3 == 1 and n > 20)),
    ("select * where contains(labels, 'bird')", lambda n: n % 3 == 2),
    ("select * where CONTAINS(labels, 0) and words == 'word 2'", lambda n: 0 in (n % 3, n % 2) and n % 4 == 2),
    ('select * where "marks/seen" == 1 and words != \'word 1\'', lambda n: n % 4 == 3),
    ("select * where label == 'horse'", lambda n: False),
]


@pytest.mark.parametrize(("query", "meets"), QUERIES)
def test_queries(begin: Begin, query: str, meets: Callable[[int], bool], path: Path) -> None:
    expected = [n for n in range(30) if meets(n)]
    found = [int(index) for batch in begin(path).query(query).batch(7).pytorch() for index in batch["index"]]
    assert found == expected


def test_limit_and_offset(begin: Begin, path: Path) -> None:
    def found(dataset: Any, query: str) -> list[int]:
        return [int(batch["index"]) for batch in begin(dataset).query(query).pytorch()]

    assert found(path, "select * where label = 0 limit 3") == [0, 3, 6]
    assert found(path, "select * where label = 0 limit 2 offset 4;") == [12, 15]
    assert found(path, "select * where label = 0 offset 8") == [24, 27]
    with open_lake(path) as lake:
        assert found(lake[20:5:-1], "select * where label = 0 limit 2") == [18, 15]


@pytest.mark.parametrize(
    "query",
    [
        *("select * where many == 3", "select * where contains(words, 'word')", "select * where words > 'a'"),
        *("select * where size == 'a'", "select * where words == 3", "select * where nothing == 3"),
        *("select * where size == 3 order by size", "select label where size == 3", "select * where size == 3 limit x"),
        *("select * where shape(size)[0] == 3", "select * where (size == 3", "select * where size + 1 == 3"),
        *("select * where", "select *", "select * where size", "select * where 3 == size"),
        "select * where size in (1)",
        *('select * where "two words" == 1', "select * where words == 'it\\'s'", "select * where size == 3 and"),
        "(select * where size == 3) union (select * where size == 4)",
    ],
)
def test_what_is_left_to_the_engine(query: str) -> None:
    assert translate(query, KINDS) is None


def test_conditions_of_weights(begin: Begin, path: Path) -> None:
    chain = begin(path).sample_by("max_weight(label = 'dog' AND size > 10: 3)", size=90).batch(90).pytorch()
    (batch,) = chain
    assert set(batch["index"].flatten().tolist()) == {22, 25, 28}


def test_the_engine_needs_an_account(begin: Begin, path: Path) -> None:
    with pytest.raises(errors.UnsupportedError, match="own engine does not run the query"):
        begin(path).query("select * order by size")
