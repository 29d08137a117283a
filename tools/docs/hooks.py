"""What mkdocs calls while it builds the site: the order of pages, and pages for files outside docs/."""

from __future__ import annotations

import ast
import functools
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

#: The page of errors.
_ERRORS = "reference/errors.md"
#: A link or a heading with all that is in it, or code that is a page's name, or that of an error or several.
_NAMED = re.compile(
    r"<(?P<tag>a|h[1-6])\b.*?</(?P=tag)>"
    r"|<code>(?:(?P<page>[\w./-]+\.md)|(?P<errors>\(?[A-Z]\w*Error(?:, [A-Z]\w*Error)*\)?))</code>",
    re.DOTALL,
)
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
    """Links what is named as code: errors, and pages as docstrings and READMEs name them."""

    def link(place: str, anchor: str, text: str) -> str:
        found = files.get_file_from_path(place)
        if found is None or (found is page.file and not anchor):
            return text
        return f'<a href="{get_relative_url(found.url, page.url)}{anchor}">{text}</a>'

    def linked(match: re.Match[str]) -> str:
        if name := match["page"]:
            place = name.removeprefix("docs/") if name.startswith("docs/") else _state["outside"].places.get(name)
            return match[0] if place is None else link(place, "", match[0])
        if names := match["errors"]:
            words = names.strip("()").split(", ")
            codes = [(word, f"<code>{word}</code>") for word in words]
            known = _error_names()
            return ", ".join(
                link(_ERRORS, f"#penstock.errors.{word}", code) if word in known else code for word, code in codes
            )
        return match[0]

    return _NAMED.sub(linked, html)


@functools.cache
def _error_names() -> frozenset[str]:
    """The classes of errors.py, which is not imported."""
    tree = ast.parse((_ROOT / "python" / "penstock" / "errors.py").read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.ClassDef))


def _tracked_files() -> set[Path]:
    """What the repository has, and what is new and not ignored, with the folders around it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(command, cwd=_ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        raise PluginError(f"git does not know '{_ROOT}': build the site in a checkout of the repository") from None
    found = {_ROOT / name for name in names if name}
    return found | {folder for file in found for folder in file.parents}
