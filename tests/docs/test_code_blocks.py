"""Every code block of README, CONTRIBUTING, docs and the READMEs of folders runs. CONTRIBUTING.md says by which rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.buckets import S3
from support.doc_blocks import blocks_of, pages
from support.doc_pages import needs, run_page
from support.doc_world import Lakes, World
from support.require import PROJECT_ROOT, require

#: What other environments run: tests/mmdet3/test_code_blocks.py and its like.
ELSEWHERE = {"mmdet3": "tests/mmdet3/test_code_blocks.py"}


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
    if any(block.rules.framework == "mmdet" for block in blocks_of(page)):
        require("mmdet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    world = World(tmp_path, doc_lakes)
    with world.serving(page.read_text(encoding="utf-8"), bucket, monkeypatch):
        assert run_page(page, world) == len(
            [block for block in blocks_of(page) if block.language != "sh" or not block.rules.environment]
        )
