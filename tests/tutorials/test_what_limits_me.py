"""The tutorial "what limits me?": its script finds what it was made to find, and its page has the script's code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from support.chrome_traces import read_trace
from support.require import PROJECT_ROOT

SCRIPT = PROJECT_ROOT / "examples" / "tutorials" / "what_limits_me.py"
PAGE = PROJECT_ROOT / "docs" / "tutorials" / "what-limits-me.md"


@pytest.fixture(scope="module")
def done(native: Any, deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a run, and what it printed."""
    folder = tmp_path_factory.mktemp("what_limits_me")
    command = [sys.executable, "-W", "ignore", str(SCRIPT), "--out", str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert run.returncode == 0, run.stderr
    return folder, run.stdout


def test_each_situation_is_named_for_what_it_is(done: tuple[Path, str]) -> None:
    limits = dict(re.findall(r"^([\w ='.-]+): \d+ samples/s; limit: ([\w ]+)", done[1], re.MULTILINE))
    assert limits["the network"] in ("latency", "the link")
    assert limits["decoding"].startswith("decoding on 1 threads")
    assert limits["the program"].startswith("the consumer")


def test_the_traces_show_it_too(done: tuple[Path, str]) -> None:
    network, cached, decoding, program = (
        read_trace(done[0] / f"{name}.json") for name in ("network", "network-cached", "decode", "consumer")
    )
    assert all(span["dur"] >= 400_000 for span in network.spans("try")), "the server lets each answer wait so long"
    assert network.seconds("fetch") > network.seconds("decode")
    # From the cache's folder no server is asked.
    assert not cached.spans("try")
    assert decoding.seconds("decode") > decoding.seconds("consume")
    assert program.seconds("consume") > program.seconds("decode")
    assert program.seconds("consume") > program.seconds("wait")


def test_there_is_a_picture(done: tuple[Path, str]) -> None:
    with Image.open(done[0] / "what-limits-me.png") as picture:
        assert picture.width > 500
    assert (PAGE.parent / "images" / "what-limits-me.png").stat().st_size < 150_000
