"""``--commit`` and ``--view`` of the commands that read a dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support.lake import open_lake

Command = Callable[..., Any]
Lakes = Callable[[str], Path]


def test_info_tells_of_a_commit_or_a_view(lake: Lakes, penstock_command: Command) -> None:
    path = lake("viewed")
    with open_lake(path) as theirs:
        first = theirs.commits[-1]["commit"]
        theirs.checkout(first)
        length = len(theirs)
    said = penstock_command("info", path, "--commit", first, "--json").json
    assert (said["commit"], said["samples"]) == (first, length)
    said = penstock_command("info", path, "--view", "slice", "--json").json
    assert (said["commit"], said["samples"], said["tensors"]["images"]["samples"]) == (first, 5, 5)


def test_bench_loads_a_view(lake: Lakes, native: Any, penstock_command: Command) -> None:
    settings = ("--tensors", "numbers", "--batch-size", 2, "--epochs", 1, "--json")
    epoch = penstock_command("bench", lake("viewed"), "--view", "slice", *settings).json["epochs"][0]
    assert round(epoch["seconds"] * epoch["samples_per_second"]) == 5


def test_show_draws_a_view(lake: Lakes, penstock_command: Command, tmp_path: Path) -> None:
    path, out = lake("viewed"), tmp_path / "x.png"
    one = penstock_command("show", path, "--view", "single", "--out", out)
    assert one.status == 0
    picture = np.asarray(Image.open(out))
    assert penstock_command("show", path, "-n", 1, "--out", tmp_path / "other.png").status == 0
    assert not np.array_equal(picture, np.asarray(Image.open(tmp_path / "other.png")))


@pytest.mark.parametrize("command", [("info",), ("bench",), ("show", "--out", "unused.png")])
def test_unknown_ones_end_the_command(command: tuple[str, ...], lake: Lakes, penstock_command: Command) -> None:
    name, *options = command
    for option, what in (("--commit", "commit or branch"), ("--view", "view")):
        result = penstock_command(name, lake("viewed"), option, "slise", *options)
        assert result.status == 1
        assert f"there is no {what} 'slise'" in result.err
