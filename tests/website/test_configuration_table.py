"""docs/reference/configuration.md has every key that the integrations read, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.require import PROJECT_ROOT

INTEGRATIONS = PROJECT_ROOT / "python" / "penstock" / "integrations"
PAGE = PROJECT_ROOT / "docs" / "reference" / "configuration.md"
#: Lists of keys in the code, by file.
LISTS = {
    "2": {
        "mmdet/config.py": ("TOP_KEYS", "SPLIT_KEYS", "STOCK_KEYS", "_LOADER_KEYS", "_DATA_KEYS"),
        "mmdet/metric_names.py": ("_OPTIONS", "_HOOK_OPTIONS"),
        "mmdet/training/defaults.py": ("_DEFAULTS", "_HOOKS"),
    },
    "3": {
        "mmdet3/config.py": ("TOP_KEYS", "_KEYS", "_STOCK_KEYS", "UNUSED_KEYS", "_OPTIONS"),
        "mmdet3/building.py": ("_PASSED_ON", "_READ"),
    },
}
#: Names that a configuration's object has by itself, and those that are read of another's.
NOT_KEYS = {"get", "items", "keys", "pop", "_cfg_dict"}
#: Strings that stand in those lists beside keys.
VALUES = {"COCO", "PascalVOC", "INFO"}


def rows(version: str) -> set[str]:
    """The keys of the page's tables that a version has."""
    found = set()
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and version in re.split(r",\s*", cells[-1]):
            assert len(cells) == 5 and cells[3], line
            found |= set(re.findall(r"`([^`]+)`", cells[0]))
    return found


def in_prose() -> set[str]:
    """Keys that are named outside tables: those that may stand there and are not used, or go to another's hook."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return {name for line in lines if not line.startswith("|") for name in re.findall(r"`(\w+)`", line)}


def listed(file: str, names: tuple[str, ...]) -> set[str]:
    """All strings of module-level lists of keys; of dicts from names to options the options, else the keys."""
    found: set[str] = set()
    missing = set(names)
    for node in ast.parse((INTEGRATIONS / file).read_text(encoding="utf-8")).body:
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
            continue
        target = ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0])
        if target not in names:
            continue
        missing.discard(target)
        parts: list[ast.AST] = [node.value]
        if isinstance(node.value, ast.Dict) and all(isinstance(value, ast.Constant) for value in node.value.values):
            parts = [key for key in node.value.keys if key is not None]
        constants = [one.value for part in parts for one in ast.walk(part) if isinstance(one, ast.Constant)]
        found |= {value for value in constants if isinstance(value, str)}
    assert not missing, f"{file} has no {missing}: name here what has taken its place"
    return found - VALUES


def read_of_configurations(folder: str) -> set[str]:
    """The keys that the code takes of an object called ``cfg``: ``cfg.x``, ``cfg["x"]``, ``cfg.get("x")``."""
    files = sorted((INTEGRATIONS / folder).rglob("*.py"))
    assert files
    return {key for file in files for key in _keys_of(file)} - NOT_KEYS


def _keys_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and _is_cfg(node.value):
            yield node.attr
        elif isinstance(node, ast.Subscript) and _is_cfg(node.value) and isinstance(node.slice, ast.Constant):
            yield str(node.slice.value)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func
            if isinstance(called, ast.Attribute) and called.attr in ("get", "pop") and _is_cfg(called.value):
                yield str(node.args[0].value)


def _is_cfg(node: ast.AST) -> bool:
    return (isinstance(node, ast.Name) and node.id == "cfg") or (isinstance(node, ast.Attribute) and node.attr == "cfg")


@pytest.mark.parametrize("version", LISTS)
def test_the_keys_that_are_checked_are_on_the_page(version: str) -> None:
    known, prose = rows(version), in_prose()
    for file, names in LISTS[version].items():
        keys = listed(file, names)
        assert len(keys) > 1
        assert keys - known - prose == set(), file


@pytest.mark.parametrize(("version", "folders"), [("2", ("mmdet", "ranks")), ("3", ("mmdet3",))])
def test_the_keys_that_are_read_are_on_the_page(version: str, folders: tuple[str, ...]) -> None:
    for folder in folders:
        keys = read_of_configurations(folder)
        assert len(keys) > 2
        assert keys - rows(version) == set(), folder


def test_wrappers_of_version_2_are_on_the_page() -> None:
    keys = {key for key in listed("mmdet/config_tree.py", ("WRAPPERS",)) if key[0].islower()}
    assert {"times", "separate_eval"} <= keys
    assert keys - rows("2") == set()


@pytest.mark.parametrize(
    ("version", "folders"), [("2", ("mmdet", "openmmlab", "ranks")), ("3", ("mmdet3", "openmmlab"))]
)
def test_every_key_on_the_page_is_in_the_code(version: str, folders: tuple[str, ...]) -> None:
    words: set[str] = set()
    for folder in folders:
        for file in (INTEGRATIONS / folder).rglob("*.py"):
            words |= set(re.findall(r"\w+", file.read_text(encoding="utf-8")))
    keys = rows(version)
    assert len(keys) > 40
    # Evaluators and loops are named by their split there.
    split = {f"{name}_{part}" for name in ("train", "val", "test") for part in ("dataloader", "evaluator", "cfg")}
    split |= {f"{name}_pipeline" for name in ("train", "test")}
    # The class that it names is registered with MMDetection, whose key it is.
    assert keys - words - split - {"runner_type"} == set()


def test_keys_of_detectron2() -> None:
    found = set()
    for file in (INTEGRATIONS / "detectron2").glob("*.py"):
        code = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(code):
            text = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
            # `data` is cfg.DATALOADER.
            if match := re.fullmatch(r"(?:\w+\.)?cfg\.([A-Z_.]+)|data\.([A-Z_]+)", text):
                found.add(match[1] or f"DATALOADER.{match[2]}")
    whole = {key for key in found if not any(other.startswith(f"{key}.") for other in found)}
    assert "SOLVER.IMS_PER_BATCH" in whole
    # cfg.MODEL[name].NUM_CLASSES, of the two heads that are known.
    assert whole | {"MODEL.ROI_HEADS.NUM_CLASSES", "MODEL.RETINANET.NUM_CLASSES"} == rows("D2")
