"""The code blocks of README and docs that are for MMDetection 3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.doc_blocks import pages
from support.doc_pages import needs, run_page
from support.doc_world import Lakes, World
from support.require import PROJECT_ROOT

PAGES = [page for page in pages() if "mmdet3" in needs(page)]


@pytest.fixture(scope="session")
def doc_lakes(deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> Lakes:
    return Lakes.written(tmp_path_factory.mktemp("lakes"))


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(PROJECT_ROOT)) for page in PAGES])
def test_the_blocks_of_a_page(
    page: Path, doc_lakes: Lakes, native: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_page(page, World(tmp_path, doc_lakes), "mmdet3") > 0
