"""penstock doctor: what it tells, and when it says that nothing can be loaded."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

import penstock
from penstock.cli import doctor, machine

Command = Callable[..., Any]


def test_versions_are_those_of_what_runs(native: Any, penstock_command: Command) -> None:
    told = penstock_command("doctor", "--json").json
    assert told["versions"]["penstock"] == penstock.__version__ == told["core"]["version"]
    assert told["versions"]["torch"] == torch.__version__
    assert told["versions"]["numpy"] == numpy.__version__
    assert told["versions"]["python"] == platform.python_version()
    assert told["gpu"]["cuda"] == torch.version.cuda
    assert len(told["gpu"]["devices"]) == (torch.cuda.device_count() if torch.cuda.is_available() else 0)


def test_the_core_names_its_libraries(native: Any) -> None:
    told = machine.core()
    names = ["libjpeg-turbo", "libpng", "libwebp", "lz4", "highway"]
    assert list(told["libraries"])[:5] == names
    for name in names:
        assert all(part.isdigit() for part in told["libraries"][name].split(".")[:2]), name
    # Some set of instructions that this processor has.
    assert told["instruction_set"].split("_")[0] in (
        "AVX3",
        "AVX2",
        "SSE4",
        "SSSE3",
        "SSE2",
        "NEON",
        "SVE",
        "SVE2",
        "EMU128",
    )
    flags = Path("/proc/cpuinfo").read_text()
    if told["instruction_set"].startswith("AVX"):
        assert "avx2" in flags


def test_the_text_says_the_same(native: Any, penstock_command: Command) -> None:
    result = penstock_command("doctor")
    assert (result.status, result.err) == (0, "")
    assert f"penstock      {penstock.__version__} in " in result.out
    assert f"runs on {machine.core()['instruction_set']}" in result.out
    assert result.out.endswith("datasets can be loaded\n")


def test_extras_are_those_of_the_package() -> None:
    found = machine.extras()
    assert {"python", "cli", "ingest", "remote", "mmdet", "mmdet3", "wandb"} <= set(found)
    assert "test" not in found
    for extra in found.values():
        for name, package in extra["packages"].items():
            try:
                assert package["installed"] == metadata.version(name)
            except metadata.PackageNotFoundError:
                assert package["installed"] is None and not package["fits"]
    assert found["ingest"]["packages"]["deeplake"]["wanted"].replace(" ", "") in ("<4,>=3.9", ">=3.9,<4")


@pytest.mark.parametrize(
    ("installed", "wanted", "fits"),
    [
        ("3.9.52", "<4,>=3.9", True),
        ("4.7.4", "<4,>=3.9", False),
        ("3.8", "<4,>=3.9", False),
        ("4.0.0", "<4,>=3.9", False),
        ("1.7.2", ">=1.7,<1.8", True),
        ("2.1.0", "<2.2.0,>=2.0.0rc4", True),
        ("2.0.0+cpu", "==2.0", True),
        ("2.0", "!=2.0.0", False),
        ("1.10", ">1.9", True),
        ("1.9", ">1.9", False),
        ("anything", "", True),
    ],
)
def test_versions_that_fit(installed: str, wanted: str, fits: bool) -> None:
    assert machine._fits(installed, wanted) is fits


def test_without_the_core_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, penstock_command: Command) -> None:
    gone = {"installed": False, "missing": "it is not installed", "hint": "Install a compiler"}
    monkeypatch.setattr(machine, "core", lambda: gone)
    complete = {"python": {"complete": True, "packages": {}}}
    monkeypatch.setattr(machine, "extras", lambda: complete)
    result = penstock_command("doctor")
    assert result.status == 0
    assert "warning: the C++ core is missing" in result.out and "Install a compiler" in result.out
    missing = {"pillow": {"installed": None, "wanted": "", "fits": False}}
    monkeypatch.setattr(machine, "extras", lambda: {"python": {"complete": False, "packages": missing}})
    result = penstock_command("doctor")
    assert result.status == 1
    assert "error: neither the C++ core nor" in result.out
    assert "- python: pillow is missing (pip install 'penstock[python]')" in result.out
    assert result.out.endswith("datasets cannot be loaded\n")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shared_memory": 64 << 20}, "/dev/shm has 64.0 MiB"),
        ({"open_files": 256}, "only 256 files may be open"),
        ({"certificates": "/nowhere/ca.pem"}, "the certificates '/nowhere/ca.pem' are not there"),
        ({"certificates": None}, "no certificates were found"),
    ],
)
def test_limits_that_will_hurt(change: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = machine.limits()
    core = {**machine.core(), "certificates": ""}
    monkeypatch.setattr(machine, "limits", lambda: {**usual, **change})
    monkeypatch.setattr(machine, "core", lambda: core)
    told = doctor.examine()
    (problem,) = [each for each in told["problems"] if said in each["text"]]
    assert problem["level"] == "warning" and problem["hint"] and told["usable"]


def test_a_core_of_another_version(native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    core = {**machine.core(), "version": "0.0.9", "debug": True, "http": False}
    monkeypatch.setattr(machine, "core", lambda: core)
    told = doctor.examine()
    assert not told["usable"]
    texts = "; ".join(problem["text"] for problem in told["problems"])
    assert "the core is of version 0.0.9" in texts and "debug build" in texts and "without libcurl" in texts
