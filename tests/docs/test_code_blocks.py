"""Every code block of README, CONTRIBUTING, docs and the READMEs of folders runs, by the rules of CONTRIBUTING.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.buckets import S3
from support.doc_blocks import ENVIRONMENTS, blocks_of, pages
from support.doc_pages import run_page, uses_mmdet
from support.doc_world import Lakes, World
from support.require import PROJECT_ROOT, require


def _named(pages_: list[Path]) -> list[Any]:
    return [pytest.param(page, id=str(page.relative_to(PROJECT_ROOT))) for page in pages_]


WITH_BLOCKS = [page for page in pages() if "```" in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", _named(WITH_BLOCKS))
def test_the_blocks_of_a_page(
    page: Path,
    doc_lakes: Lakes,
    bucket: Callable[[], S3],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    native: Any,
) -> None:
    if uses_mmdet(page):
        require("mmdet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("WANDB_MODE", "offline")
    world = World(tmp_path, doc_lakes)
    with world.serving(page.read_text(encoding="utf-8"), bucket, monkeypatch):
        done = run_page(page, world)
    # Here Python of other environments is read, and commands of those without tests; other commands run there alone.
    theirs = [
        block
        for block in blocks_of(page)
        if ENVIRONMENTS.get(block.rules.environment or "") and block.language != "python"
    ]
    assert done + len(theirs) == len(blocks_of(page)) > 0


def test_other_environments_run_what_is_theirs() -> None:
    named = [file for file in ENVIRONMENTS.values() if file]
    assert named and all((PROJECT_ROOT / file).is_file() for file in named)
