"""The command penstock view: what it prints, and how it ends."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.lake import new_lake
from support.seen_lakes import write_seen_lake
from support.view_clients import ask

Command = Callable[..., Any]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_it_serves_until_it_is_ended(number: int, status: int, deeplake: Any, tmp_path: Path) -> None:
    path = write_seen_lake(tmp_path / "lake", 3)
    command = [sys.executable, "-m", "penstock", "view", str(path), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.fullmatch(r"(.*) is shown at (http://127\.0\.0\.1:\d+/[\w-]{24}/)\n", process.stdout.readline())
        assert found is not None and found[1] == str(path)
        assert ask(found[2], "api/dataset").json["samples"] == 3
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (status, "", "Ctrl-C ends it.\n")


def test_what_cannot_be_shown(deeplake: Any, tmp_path: Path, penstock_command: Command) -> None:
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("numbers")
        lake.numbers.append([1])
    result = penstock_command("view", tmp_path / "lake", "--no-browser")
    assert (result.status, result.out) == (1, "")
    assert "there is no tensor of images" in result.err
    assert "there is no such directory" in penstock_command("view", tmp_path / "nothing", "--no-browser").err
    path = write_seen_lake(tmp_path / "seen", 2)
    assert "--split goes with --config" in penstock_command("view", path, "--split", "val").err
    assert "these are no images" in penstock_command("view", path, "--images", "boxes").err
    assert "port 99999 cannot be had" in penstock_command("view", path, "--port", 99999).err
