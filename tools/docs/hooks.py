"""What mkdocs calls while it builds the site: the order of pages, and pages for files outside docs/."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.utils import get_relative_url

from order import expanded
from outside import Outside

__all__ = ["on_files", "on_page_content", "on_page_markdown"]

_ROOT = Path(__file__).resolve().parents[2]
#: Pages that the navigation has under "Inside", with or without links to them.
_INSIDE = ("CHANGELOG.md", "CONTRIBUTING.md", "benchmarks/README.md", "python/penstock/README.md")

#: A link with all that is in it, or a page's name as code.
_LINK_OR_PAGE = re.compile(r"<a\b.*?</a>|<code>(?P<name>[\w./-]+\.md)</code>", re.DOTALL)
_state: dict[str, Outside] = {}


def on_files(files: Files, config: Any) -> Files:
    """Adds the files outside docs/ that pages link to, and replaces "folder/*" in the navigation."""
    pages = [file.src_uri for file in files.documentation_pages()]
    readmes = sorted(str(path.relative_to(_ROOT)) for path in (_ROOT / "csrc").rglob("README.md"))
    try:
        outside = Outside(_ROOT, (*_INSIDE, *readmes), pages, _tracked_files().__contains__)
    except ValueError as error:
        raise PluginError(str(error)) from None
    for file, place in outside.places.items():
        if place in pages:
            continue
        if place.endswith(".md"):
            files.append(File.generated(config, place, content=outside.page(file)))
        else:
            files.append(File.generated(config, place, abs_src_path=str(_ROOT / file)))
    all_pages = [file.src_uri for file in files.documentation_pages()]
    config.nav = expanded(config.nav, all_pages, config.extra["order"])
    _state["outside"] = outside
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The links of a page of docs/ to files outside. Those of generated pages are rewritten already."""
    if page.file.generated_by is not None:
        return markdown
    return _state["outside"].rewritten(markdown, f"docs/{page.file.src_uri}", page.file.src_uri)


def on_page_content(html: str, page: Any, files: Files, **_: Any) -> str:
    """Docstrings and READMEs name pages as code, ``docs/how-to/loader.md``: a link, where the site has that page."""

    def linked(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return match[0]
        place = name.removeprefix("docs/") if name.startswith("docs/") else _state["outside"].places.get(name)
        found = None if place is None else files.get_file_from_path(place)
        if found is None or found is page.file:
            return match[0]
        return f'<a href="{get_relative_url(found.url, page.url)}">{match[0]}</a>'

    return _LINK_OR_PAGE.sub(linked, html)


def _tracked_files() -> set[Path]:
    """What the repository has, and what is new and not ignored, with the folders around it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=_ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    found = {_ROOT / name for name in names if name}
    return found | {folder for file in found for folder in file.parents}
