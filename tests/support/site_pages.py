"""The pages of the documentation site, as a browser would see them: what they have, link to and load."""

from __future__ import annotations

import os
import subprocess
import zlib
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from support.require import PROJECT_ROOT, require

__all__ = ["Page", "build_site", "inventory", "is_elsewhere", "pages_of"]

#: Attributes by which a page loads something, by element. A `link` loads a style or an icon, not by every `rel`.
_LOADS = dict.fromkeys(("script", "img", "iframe", "source", "video", "audio", "embed"), "src") | {"object": "data"}
_LOADED_LINKS = ("stylesheet", "icon", "preload", "modulepreload", "preconnect", "dns-prefetch", "manifest")


@dataclass
class Page:
    """A page.

    Attributes:
        links: Where its links go, as they stand there.
        loads: What it loads.
        anchors: What can stand behind "#".
        text: Its words.
    """

    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    text: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self._style = tag in ("style", "script")
        if "id" in found:
            self.page.anchors.add(found["id"])
        if tag == "a" and "name" in found:
            self.page.anchors.add(found["name"])
        if tag == "a" and "href" in found:
            self.page.links.append(found["href"])
        if tag in _LOADS and found.get(_LOADS[tag]):
            self.page.loads.append(found[_LOADS[tag]])
        if tag == "link" and set(found.get("rel", "").split()) & set(_LOADED_LINKS):
            self.page.loads.append(found["href"])

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.page.text += data


def pages_of(site: Path) -> dict[str, Page]:
    """All pages, by their paths in the site."""
    found = {}
    for file in sorted(site.rglob("*.html")):
        reader = _Reader()
        reader.feed(file.read_text(encoding="utf-8"))
        reader.close()
        found[str(file.relative_to(site))] = reader.page
    return found


def is_elsewhere(address: str) -> bool:
    """Whether an address has a scheme or names a host."""
    parts = urlsplit(address)
    return bool(parts.scheme or parts.netloc)


def inventory(site: Path) -> dict[str, str]:
    """objects.inv: {name: its address in the site}."""
    data = (site / "objects.inv").read_bytes()
    body = data.split(b"\n", 4)[4]
    found = {}
    for line in zlib.decompress(body).decode().splitlines():
        name, _, _, address, _ = line.split(" ", 4)
        found[name] = unquote(address).replace("$", name)
    return found


def build_site(folder: Path) -> None:
    """Builds the site, strictly. Fails the test where the build warns."""
    mkdocs = require("docs")
    result = subprocess.run(
        [str(mkdocs), "build", "--strict", "--site-dir", str(folder)],
        cwd=PROJECT_ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    said = result.stdout + result.stderr
    assert result.returncode == 0 and "WARNING" not in said, said
