"""The core's layers point one way, and only its bindings know Python."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.require import PROJECT_ROOT

CSRC = PROJECT_ROOT / "csrc"

# What each folder may include, beside itself.
ALLOWED = {
    "base": set(),
    "storage": {"base"},
    "format": {"base", "storage"},
    "decode": {"base", "format"},
    "transform": {"base"},
    "batch": {"base"},
    "pipeline": {"base", "storage", "format", "decode", "transform", "batch"},
    "bindings": {"base", "storage", "format", "decode", "transform", "batch", "pipeline"},
    # Parts of the core by themselves, for tests: an extension of its own, which is not installed.
    "testing": {"base", "format", "decode", "transform", "pipeline", "bindings"},
}
SEES_PYTHON = {"bindings", "testing"}
FOREIGN = re.compile(r"Python\.h|pybind11|torch/|ATen|c10/|cuda")


def includes(file: Path) -> list[str]:
    return re.findall(r'^#include [<"]([^>"]+)[>"]', file.read_text(), re.MULTILINE)


def sources() -> list[Path]:
    return sorted(file for file in CSRC.rglob("*") if file.suffix in (".h", ".cpp"))


def test_every_folder_is_a_known_layer() -> None:
    assert {file.relative_to(CSRC).parts[0] for file in sources()} == set(ALLOWED)


@pytest.mark.parametrize("file", sources(), ids=lambda file: str(file.relative_to(CSRC)))
def test_includes_point_one_way(file: Path) -> None:
    folder = file.relative_to(CSRC).parts[0]
    for name in includes(file):
        target = name.split("/")[0]
        if target in ALLOWED:
            assert target == folder or target in ALLOWED[folder], f"{folder} includes {name}"
        if folder not in SEES_PYTHON:
            assert not FOREIGN.search(name), f"{folder} includes {name}"


def units() -> dict[str, set[str]]:
    """What each unit, a header and the source file of its name, includes of others."""
    graph: dict[str, set[str]] = {}
    for file in sources():
        unit = str(file.relative_to(CSRC).with_suffix(""))
        graph.setdefault(unit, set()).update(str(Path(name).with_suffix("")) for name in includes(file))
    return {unit: {other for other in others if other in graph} - {unit} for unit, others in graph.items()}


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Sets of nodes that can all reach each other."""
    reached: dict[str, set[str]] = {}
    for start in graph:
        reached[start], todo = set(), list(graph[start])
        while todo:
            if (node := todo.pop()) not in reached[start]:
                reached[start].add(node)
                todo += graph[node]
    found = {frozenset(other for other in reached[node] if node in reached[other]) for node in graph}
    return [set(circle) for circle in found if circle]


def test_no_units_include_each_other_in_a_circle() -> None:
    assert circles(units()) == []


def test_no_folders_include_each_other_in_a_circle() -> None:
    graph = {folder: others - {folder} for folder, others in ALLOWED.items()}
    assert circles(graph) == []


def test_a_circle_is_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a", "c"}}
    assert circles(graph) == [{"b", "c"}]


def test_the_stub_describes_the_extension(native: Any) -> None:
    allowed, settings = (str(Path(__file__).with_name(name)) for name in ("stubtest_allowlist.txt", "stubtest.ini"))
    command = ["-m", "mypy.stubtest", "penstock._core", "--allowlist", allowed, "--mypy-config-file", settings]
    result = subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
