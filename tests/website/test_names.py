"""Every public name has its place in the reference."""

from __future__ import annotations

import ast
import posixpath
from pathlib import Path

import penstock
from penstock import errors, ingest
from support.require import PROJECT_ROOT
from support.site_pages import Page, inventory

INTEGRATIONS = ("mmdet", "mmdet3", "detectron2")


def names_of_integration(name: str) -> list[str]:
    """What an integration gives and Penstock has made, without importing it: its framework may be missing here."""
    tree = ast.parse((PROJECT_ROOT / f"python/penstock/integrations/{name}/__init__.py").read_text(encoding="utf-8"))
    own, public = set(), []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("penstock."):
            own |= {alias.asname or alias.name for alias in node.names}
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            public = ast.literal_eval(node.value)
    assert public
    return [f"penstock.integrations.{name}.{one}" for one in public if one in own]


def public_names() -> list[str]:
    found = [f"penstock.{name}" for name in penstock.__all__]
    found += [f"penstock.errors.{name}" for name in errors.__all__]
    found += [f"penstock.ingest.{name}" for name in ingest.__all__]
    for name in INTEGRATIONS:
        found += names_of_integration(name)
    return found


def test_every_public_name_is_on_a_page(site: Path, pages: dict[str, Page]) -> None:
    known, names = inventory(site), public_names()
    assert len(names) > 50
    assert [name for name in names if name not in known] == []
    for name in names:
        page, _, anchor = known[name].partition("#")
        assert anchor in pages[page].anchors, known[name]


def test_public_methods_of_the_loader_are_on_its_page(site: Path) -> None:
    known = inventory(site)
    for name in ("stats", "limit", "explain", "state_dict", "load_state_dict", "set_epoch", "close"):
        assert posixpath.dirname(known[f"penstock.DataLoader.{name}"]) == "reference/api"


def test_every_error_says_what_to_do(pages: dict[str, Page]) -> None:
    for name in errors.__all__:
        words = getattr(errors, name).__doc__ or ""
        assert "What to do:" in words or name == "PenstockError", f"{name}: its docstring has no cure"
        assert name in pages["reference/errors.html"].text
