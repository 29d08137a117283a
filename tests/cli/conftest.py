"""Running commands, and data sets to ingest."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from penstock.cli import main
from support.example_shapes import load_shapes
from support.require import require


@dataclass(frozen=True)
class Result:
    """What a command said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def penstock_command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Runs ``penstock`` with arguments, in this process."""

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        return Result(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def shapes_module() -> ModuleType:
    """examples/shapes.py"""
    return load_shapes()


@dataclass(frozen=True)
class CocoFiles:
    """A COCO annotation file and its images."""

    annotations: Path
    images: Path

    @property
    def content(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.annotations.read_text())
        return loaded

    def change(self, edit: Callable[[dict[str, Any]], object]) -> None:
        """Rewrites the annotation file."""
        content = self.content
        edit(content)
        self.annotations.write_text(json.dumps(content))


@pytest.fixture
def shapes(shapes_module: ModuleType, tmp_path: Path) -> CocoFiles:
    """Forty drawn pictures; a COCO file that a test may change."""
    require("deeplake")
    return CocoFiles(*shapes_module.make_shapes(tmp_path / "shapes", 40, seed=0))


@pytest.fixture(scope="session")
def coco_val(coco_mini: Path) -> CocoFiles:
    """Real photographs with polygons in several parts, and crowds. To read only."""
    require("deeplake")
    return CocoFiles(coco_mini / "annotations" / "instances_val2017.json", coco_mini / "val2017")
