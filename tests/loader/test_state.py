"""A loader goes on where another one stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock import errors

Lake = Callable[[str], Path]


def make(path: Path, loader_type: str, **arguments: Any) -> penstock.DataLoader:
    settings: dict[str, Any] = {"batch_size": 5, "shuffle": True, "tensors": ["equal/raw"], "return_index": True}
    return penstock.DataLoader(path, loader_type=loader_type, **(settings | arguments))


def indices(batches: Any) -> list[list[int]]:
    return [batch["index"].tolist() for batch in batches]


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("stop", [0, 1, 7, 11, 12])
def test_it_resumes_with_the_next_batch(stop: int, loader_type: str, lake: Lake, native: Any) -> None:
    path = lake("many_chunks")
    straight = make(path, loader_type, seed=3)
    expected = [indices(straight) for _ in range(3)]
    stopped = make(path, loader_type, seed=3)
    list(stopped)
    iterator = iter(stopped)
    for _ in range(stop):
        next(iterator)
    state = stopped.state_dict()
    other = "python" if loader_type == "c++" else "c++"
    resumed = make(path, other, num_threads=1)  # no seed: the state brings it
    resumed.load_state_dict(json.loads(json.dumps(state)))
    rest = indices(resumed)
    if stop == 12:
        assert rest == expected[2]
    else:
        assert rest == expected[1][stop:]
        assert indices(resumed) == expected[2]


def test_a_state_of_something_else_is_refused(lake: Lake, native: Any) -> None:
    loader = make(lake("many_chunks"), "c++")
    state = loader.state_dict()
    with pytest.raises(errors.ConfigError, match="its batch_size is 5, this loader's is 4"):
        make(lake("many_chunks"), "c++", batch_size=4).load_state_dict(state)
    with pytest.raises(errors.ConfigError, match="its dataset is"):
        penstock.DataLoader(lake("equal_images"), 5).load_state_dict(state)
    with pytest.raises(errors.ConfigError, match="its world_size is"):
        make(lake("many_chunks"), "c++", rank=0, world_size=2).load_state_dict(state)
