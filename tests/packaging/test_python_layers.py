"""Python's layers point one way, nothing imports in a circle, and only integrations know a framework."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from support.require import PROJECT_ROOT

PYTHON = PROJECT_ROOT / "python"

# What each folder may import, beside itself and SMALL.
ALLOWED: dict[str, set[str]] = {
    "storage": set(),
    "format": set(),
    "dataset": {"storage", "format"},
    # What loaders do and when.
    "traces": {"dataset"},
    "loading": {"storage", "format", "dataset", "traces"},
    "loader": {"storage", "dataset", "loading"},
    "chain": {"format", "dataset", "loading", "loader"},
    # The steps by the name that scripts know.
    "transforms": {"detection"},
    "detection": {"format", "dataset", "loading"},
    "verification": {"storage", "format", "dataset", "loading"},
    "ingest": {"format"},
    # A dataset, looked at: on a page, and in a picture.
    "view": {"dataset", "detection", "verification"},
    "integrations": {"format", "dataset", "loading", "loader", "detection"},
    "cli": {
        *("storage", "dataset", "loading", "loader", "detection", "verification", "ingest", "view"),
        *("integrations", "traces", "__init__"),
    },
    "__init__": {"storage", "dataset", "loader", "chain", "verification", "view", "integrations", "traces"},
    "__main__": {"cli"},
}
# Single files with one small idea each, which everything may use. They import one another, and nothing else.
SMALL = {"_core", "_native", "checks", "cores", "described", "errors", "extras", "printable", "progress", "similar"}
SMALL |= {"html", "locks", "machine_memory", "notebook", "on_device", "threads"}
FRAMEWORKS = {"mmcv", "mmdet", "mmengine", "detectron2"}
# A tensor keeps its dataset, to be pickled as dataset[name], and names its class for type checkers alone.
BACK_REFERENCES = {
    ("penstock.dataset.lake3.tensor", "penstock.dataset.lake3.dataset"),
    ("penstock.dataset.lake4.tensor", "penstock.dataset.lake4.dataset"),
    ("penstock.dataset.joined.tensor", "penstock.dataset.joined.dataset"),
}


class Import(NamedTuple):
    """One name that a file imports, wherever in the file that stands."""

    target: str
    for_types: bool
    line: int


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(PYTHON).with_suffix("").parts).removesuffix(".__init__")


FILES = {module_name(file): file for file in sorted(PYTHON.rglob("*.py"))}


def imports(name: str) -> Iterator[Import]:
    """Modules are told from what they hold, so that each target is a file of the package or a foreign name."""
    tree = ast.parse(FILES[name].read_text())
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{name}:{node.lineno}: imports are absolute"
            within = [f"{node.module}.{alias.name}" for alias in node.names]
            targets = [full if full in FILES or full == "penstock._core" else node.module for full in within]
        else:
            continue
        yield from (Import(target, id(node) in for_types, node.lineno) for target in targets)


def layer(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def ours(name: str) -> list[Import]:
    return [found for found in imports(name) if found.target.split(".")[0] == "penstock"]


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """Nodes that lead to themselves, in order; empty where there are none."""
    done: set[str] = set()
    path: list[str] = []

    def follow(node: str) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node not in done:
            path.append(node)
            for target in sorted(arrows.get(node, ())):
                if found := follow(target):
                    return found
            done.add(path.pop())
        return []

    return next((found for node in sorted(arrows) if (found := follow(node))), [])


def test_every_import_of_ours_is_there() -> None:
    for name in FILES:
        for target, _, line in ours(name):
            assert target in FILES or target == "penstock._core", f"{name}:{line}: there is no {target}"


def test_every_folder_is_a_known_layer() -> None:
    assert {layer(name) for name in FILES} == (set(ALLOWED) | SMALL) - {"_core"}


def test_the_arrows_allowed_make_no_circle() -> None:
    assert circle(ALLOWED) == []
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


@pytest.mark.parametrize("name", FILES)
def test_imports_point_one_way(name: str) -> None:
    own = layer(name)
    allowed = SMALL if own in SMALL else {own, *SMALL, *ALLOWED[own]}
    wrong = [f"line {found.line}: {found.target}" for found in ours(name) if layer(found.target) not in allowed]
    assert not wrong, f"{own} imports"


def knows_a_framework(name: str) -> bool:
    """What several frameworks share knows none, in integrations too."""
    return layer(name) == "integrations" and name.split(".")[2:3] not in ([], ["openmmlab"], ["ranks"])


@pytest.mark.parametrize("name", [name for name in FILES if not knows_a_framework(name)])
def test_only_integrations_know_a_framework(name: str) -> None:
    assert not {found.target.split(".")[0] for found in imports(name)} & FRAMEWORKS


def test_no_files_import_each_other() -> None:
    arrows = {name: {found.target for found in ours(name) if not found.for_types} for name in FILES}
    assert circle(arrows) == []


@pytest.mark.parametrize("folder", sorted(set(ALLOWED) - {"__init__", "__main__", "loader", "integrations"}))
def test_folders_within_a_layer_make_no_circle(folder: str) -> None:
    def unit(name: str) -> str:
        """A folder in the layer, or a file that lies beside such folders."""
        return ".".join(name.split(".")[:3])

    arrows: dict[str, set[str]] = {}
    for name in FILES:
        # What a package gathers for others to import is no use that it makes of it.
        if layer(name) == folder and FILES[name].name != "__init__.py":
            found = {unit(used.target) for used in ours(name) if layer(used.target) == folder and not used.for_types}
            arrows.setdefault(unit(name), set()).update(found - {unit(name)})
    assert circle(arrows) == []


def test_types_close_only_the_known_circles() -> None:
    arrows = {name: {found.target for found in ours(name)} for name in FILES}
    for name, target in BACK_REFERENCES:
        assert target in arrows[name], "this back reference is gone: strike it from the list"
        arrows[name].remove(target)
    assert circle(arrows) == []
