"""penstock verify"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.cli import main
from support.damage import replace_sample

Command = Callable[..., Any]
Lakes = Callable[[str], Path]


def test_a_sound_dataset(lake: Lakes, penstock_command: Command) -> None:
    result = penstock_command("verify", lake("equal_images"))
    assert result.status == 0
    assert result.out == f"{lake('equal_images')}: 144 samples checked, all well\n"
    assert result.err == ""


def test_bad_samples_are_listed(lake_copy: Lakes, penstock_command: Command) -> None:
    path = lake_copy("equal_images")
    for index in (3, 7):
        replace_sample(path, "jpegs", index, lambda old: bytes(len(old)))
        result = penstock_command("verify", path)
        assert result.out.endswith("1 finding, 1 bad sample\n" if index == 3 else "2 findings, 2 bad samples\n")
    assert result.status == 1
    lines = result.out.splitlines()
    assert [line.split(",")[1] for line in lines[:-1]] == [" sample 3", " sample 7"]
    assert lines[-1] == f"{path}: 144 samples checked, 2 findings, 2 bad samples"
    assert penstock_command("verify", path, "--fast").status == 0
    assert penstock_command("verify", path, "--tensors", "raw").status == 0


@pytest.mark.parametrize("loader_type", ["auto", "python"])
def test_json(loader_type: str, lake_copy: Lakes, penstock_command: Command) -> None:
    path = lake_copy("equal_images")
    replace_sample(path, "jpegs", 3, lambda old: bytes(len(old)))
    commit = penstock.open(path).commit_id
    result = penstock_command("verify", path, "--json", "--loader-type", loader_type, "--commit", commit)
    assert result.status == 1
    said = result.json
    finding = said["findings"][0]
    assert (finding["tensor"], finding["kind"]) == ("jpegs", "DecodeError")
    assert (finding["index"], finding["last_index"]) == (3, 3)
    assert finding["chunk"].startswith("jpegs/chunks/")
    assert finding["byte_range"][1] - finding["byte_range"][0] == len(penstock.open(path)["jpegs"].bytes(3))
    assert (said["ok"], said["bad_samples"], said["samples"], said["commit"]) == (False, 1, 144, commit)


def test_unsupported_tensors_are_named(lake: Lakes, penstock_command: Command) -> None:
    result = penstock_command("verify", lake("unsupported"))
    assert result.status == 0
    assert "'linked_tiles' was not checked: " in result.out
    assert "'nothing' was checked for its structure alone: " in result.out


@pytest.mark.parametrize("arguments", [[], ["PATH", "--threads", "0"], ["PATH", "--loader-type", "rust"], ["--slow"]])
def test_wrong_usage(arguments: list[str], lake: Lakes, penstock_command: Command, capsys: Any) -> None:
    with pytest.raises(SystemExit) as caught:
        penstock_command("verify", *(lake("scalars") if word == "PATH" else word for word in arguments))
    assert caught.value.code == 2


def test_what_is_no_dataset(tmp_path: Path, penstock_command: Command) -> None:
    result = penstock_command("verify", tmp_path)
    assert result.status == 1
    assert "no Deep Lake dataset" in result.err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_is_drawn_on_a_terminal(lake: Lakes, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tqdm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(["verify", str(lake("scalars"))]) == 0
    assert "900/900" in terminal.getvalue()
