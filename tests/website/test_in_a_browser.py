"""The site in a real browser: opened from the file system, and from a server that has static files alone."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.browser import Page, open_page


@pytest.fixture
def address(request: pytest.FixtureRequest, site: Path) -> Iterator[str]:
    """Of the site, by the way that a test asks for."""
    if request.param == "file":
        yield site.as_uri()
        return
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def search(page: Page, word: str) -> list[str]:
    """Types a word as a reader does. Returns where the results lead."""
    page.wait_for("document.querySelector('.md-search__input')")
    page.run("document.querySelector('.md-search__input').focus()")
    page.send("Input.insertText", text=word)
    page.wait_for("document.querySelectorAll('.md-search-result__link').length > 0")
    found = page.run("[...document.querySelectorAll('.md-search-result__link')].map((link) => link.href)")
    return list(found)


@pytest.mark.parametrize("address", ["file", "server"], indirect=True)
def test_search_finds_pages_that_have_the_word(address: str, tmp_path: Path) -> None:
    with open_page(f"{address}/index.html", tmp_path) as page:
        found = search(page, "shuffle_window")
        assert any("/explanation/shuffling.html" in link for link in found)
        assert any("/reference/configuration.html" in link for link in found)
        assert all(link.startswith(address) for link in found)
        page.send("Page.navigate", url=found[0])
        page.wait_for("document.readyState === 'complete'")
        assert "shuffle_window" in page.run("document.querySelector('article').innerText")
        loaded = page.run("performance.getEntriesByType('resource').map((one) => one.name)")
        # Of files a browser does not tell.
        assert loaded or address.startswith("file:")
        assert all(one.startswith((address, "data:")) for one in loaded)
        assert page.errors == []


@pytest.mark.parametrize("address", ["file"], indirect=True)
def test_a_search_for_what_nobody_wrote_finds_nothing(address: str, tmp_path: Path) -> None:
    with open_page(f"{address}/how-to/loader.html", tmp_path) as page:
        page.wait_for("document.querySelector('.md-search__input')")
        page.run("document.querySelector('.md-search__input').focus()")
        page.send("Input.insertText", text="zzqxwv")
        page.wait_for("/No matching documents/.test(document.querySelector('.md-search-result__meta').innerText)")
        assert page.errors == []


@pytest.mark.parametrize("address", ["file"], indirect=True)
def test_the_drawing_and_figures_are_shown(address: str, tmp_path: Path) -> None:
    for place in ("explanation/architecture.html", "index.html", "benchmarks/index.html"):
        with open_page(f"{address}/{place}", tmp_path / place.replace("/", "-")) as page:
            page.wait_for("document.readyState === 'complete' && document.querySelectorAll('article img').length")
            sizes = page.run("[...document.querySelectorAll('article img')].map((one) => one.naturalWidth)")
            assert sizes and min(sizes) > 300
            assert page.errors == []


def test_no_page_is_wider_than_a_phone_or_has_an_error(site: Path, tmp_path: Path) -> None:
    files = [file for file in sorted(site.rglob("*.html")) if file.name != "404.html"]
    assert len(files) > 50
    with open_page((site / "index.html").as_uri(), tmp_path) as page:
        page.send("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=True)
        for file in files:
            page.send("Page.navigate", url=file.as_uri())
            page.wait_for("document.readyState === 'complete' && innerWidth > 0")
            # Tables and code scroll by themselves.
            assert page.run("[document.documentElement.scrollWidth, innerWidth]") == [390, 390], file.name
        assert page.errors == []
