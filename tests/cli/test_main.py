"""The command itself: usage, errors, ``python -m``."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penstock

Command = Callable[..., Any]
COMMANDS = ["info", "show", "bench", "copy", "ingest-coco"]


def test_version(penstock_command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        penstock_command("--version")
    assert exited.value.code == 0
    assert capsys.readouterr().out == f"penstock {penstock.__version__}\n"


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["info"], ["show", "somewhere"], ["bench", "x", "--epochs", "many"]]
)
def test_wrong_usage(arguments: list[str], penstock_command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        penstock_command(*arguments)
    assert exited.value.code == 2
    assert capsys.readouterr().err.startswith("usage: penstock")


def test_help_names_all_commands(penstock_command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        penstock_command("--help")
    assert exited.value.code == 0
    said = capsys.readouterr().out
    assert all(command in said for command in COMMANDS)


@pytest.mark.parametrize("arguments", [("info",), ("show", "--out", "x.png"), ("bench",)])
def test_no_dataset(arguments: tuple[str, ...], tmp_path: Path, penstock_command: Command) -> None:
    command, *options = arguments
    result = penstock_command(command, tmp_path / "nothing", *options)
    assert result.status == 1
    assert result.out == ""
    (line,) = result.err.splitlines()
    assert line.startswith("penstock: error: ")
    assert str(tmp_path / "nothing") in line


def test_as_a_module_and_as_a_script(lake: Callable[[str], Path]) -> None:
    path = str(lake("equal_images"))
    script = Path(sys.executable).with_name("penstock")
    said = [
        subprocess.run([*command, "info", path], capture_output=True, text=True, timeout=120, check=True).stdout
        for command in ([sys.executable, "-m", "penstock"], [str(script)])
        if command[0] == sys.executable or script.exists()
    ]
    assert path in said[0]
    assert set(said) == {said[0]}
