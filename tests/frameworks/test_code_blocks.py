"""The code blocks of README and docs that are for Lightning and Accelerate."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.doc_blocks import pages
from support.doc_pages import needs, run_page
from support.doc_world import Lakes, World
from support.require import PROJECT_ROOT, require

PAGES = [page for page in pages() if "frameworks" in needs(page)]


@pytest.fixture(scope="session")
def doc_lakes(tmp_path_factory: pytest.TempPathFactory) -> Lakes:
    archive = PROJECT_ROOT / "tests" / "data" / "frameworks" / "pages.tar.xz"
    return Lakes.unpacked(archive, tmp_path_factory.mktemp("lakes"))


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(PROJECT_ROOT)) for page in PAGES])
def test_the_blocks_of_a_page(
    page: Path, doc_lakes: Lakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("native", "lightning", "accelerate"):
        require(name)
    monkeypatch.chdir(tmp_path)
    assert run_page(page, World(tmp_path, doc_lakes), "frameworks") > 0
