"""Links of the Markdown files where a repository viewer shows them: files and headings that are there."""

from __future__ import annotations

import posixpath
import re
import subprocess
from collections.abc import Callable
from typing import Any

from support.require import PROJECT_ROOT


def markdown_files() -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, check=True, text=True).stdout
    return [name for name in listed.split("\0") if name and (PROJECT_ROOT / name).exists()]


def anchors(text: str) -> set[str]:
    """Headings as viewers name them: in small letters, without marks, words joined by "-"."""
    found: set[str] = set()
    without_code = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for heading in re.findall(r"^#{1,6} +(.+?)\s*$", without_code, re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        found.add(re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-"))
    return found


def test_every_link_of_every_markdown_file(tool: Callable[[str], Any]) -> None:
    links = tool("links")
    files, broken, checked = markdown_files(), [], 0
    assert {"README.md", "CHANGELOG.md", "docs/index.md", "csrc/README.md"} <= set(files)
    for file in files:
        for target in links.link_targets((PROJECT_ROOT / file).read_text(encoding="utf-8")):
            if links.is_external(target):
                continue
            checked += 1
            name, _, anchor = target.partition("#")
            path = posixpath.normpath(posixpath.join(posixpath.dirname(file), name)) if name else file
            if not (PROJECT_ROOT / path).exists():
                broken.append(f"{file}: {target}: there is no such file")
            elif _is_heading(path, anchor) and anchor not in anchors((PROJECT_ROOT / path).read_text(encoding="utf-8")):
                broken.append(f"{file}: {target}: there is no such heading")
    assert not broken, "\n".join(broken)
    assert checked > 80


def _is_heading(path: str, anchor: str) -> bool:
    """One of Markdown's. Names of Python are anchors in the site alone, where test_site.py checks them."""
    return path.endswith(".md") and bool(anchor) and not anchor.startswith("penstock.")


def test_the_readme_links_to_pages_that_are_in_the_site(tool: Callable[[str], Any]) -> None:
    links = tool("links")
    readme = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    pages = [target for target in links.link_targets(readme) if target.startswith("docs/")]
    assert len(pages) > 10 and all(page.partition("#")[0].endswith(".md") for page in pages)
