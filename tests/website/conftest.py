"""The documentation site, built once."""

from __future__ import annotations

import fcntl
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.require import PROJECT_ROOT
from support.site_pages import Page, build_site, pages_of


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site: to read only. Processes that test beside each other build it once."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / "site"
    with (base / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "sitemap.xml").exists():
            build_site(folder)
    return folder


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[str, Page]:
    """Its pages."""
    return pages_of(site)


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Gives a module of tools/docs by its name."""
    folder = PROJECT_ROOT / "tools" / "docs"
    monkeypatch.syspath_prepend(str(folder))
    yield importlib.import_module
    for file in folder.glob("*.py"):
        sys.modules.pop(file.stem, None)
