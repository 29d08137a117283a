"""The tools that the site is built with: order of pages, links in Markdown, files outside docs/."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Tool = Callable[[str], Any]


def test_a_folder_is_in_the_stated_order_with_the_rest_behind(tool: Tool) -> None:
    pages = ["a/b.md", "a/a.md", "a/z.md", "a/deep/c.md", "other/a.md"]
    assert tool("order").ordered("a", pages, ["z", "missing", "b"]) == ["a/z.md", "a/b.md", "a/a.md"]


def test_a_navigation_is_expanded(tool: Tool) -> None:
    nav = [{"Home": "index.md"}, {"None": "gone/*"}, {"Both": [{"Inner": "a/deep/*"}, "a/*"]}, {"Log": "inside/LOG.md"}]
    nav.append({"Inside": "inside/*"})
    pages = ["index.md", "a/x.md", "a/deep/y.md", "inside/LOG.md", "inside/csrc/README.md"]
    assert tool("order").expanded(nav, pages, {}) == [
        {"Home": "index.md"},
        {"Both": [{"Inner": ["a/deep/y.md"]}, "a/x.md"]},
        {"Log": "inside/LOG.md"},
        # A page that is named elsewhere does not come twice.
        {"Inside": ["inside/csrc/README.md"]},
    ]


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("a [b](c.md) d ![e](f.png)", ["c.md", "f.png"]),
        ("[`code`](c.md#x)", ["c.md#x"]),
        ("`[not](a.md)` [yes](b.md)", ["b.md"]),
        ("```\n[not](a.md)\n```\n[yes](b.md)", ["b.md"]),
        ("  ~~~~md\n```\n[not](a.md)\n```\n  ~~~~\n[yes](b.md)", ["b.md"]),
        ("``a ` [not](a.md)`` [yes](b.md \"title\")", ["b.md"]),
        ("f[i](x) and [u](https://example.org/a)", ["x", "https://example.org/a"]),
    ],
)
def test_links_are_found_outside_code(tool: Tool, text: str, targets: list[str]) -> None:
    links = tool("links")
    assert links.link_targets(text) == targets
    assert links.replace_links(text, lambda target: target) == text


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def outside_of(tool: Tool, root: Path, **options: Any) -> Any:
    return tool("outside").Outside(
        root, options.get("begin", []), ["a/page.md"], options.get("tracked", lambda path: True)
    )


def test_files_outside_get_places_and_links_go_there(tool: Tool, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "docs/a/page.md": "[r](../../src/README.md#head) ![p](../../pics/x.png) [s](../../src/m.py) [d](other.md)",
            "src/README.md": "# Head\n[b](../docs/a/page.md) [n](deep/README.md) [t](../README.md) [f](../examples)",
            "src/deep/README.md": "[up](../README.md)",
            "src/m.py": "x = '```'\n",
            "pics/x.png": "",
            "README.md": "never read as a page",
            "examples/one.py": "pass\n",
        },
    )
    outside = outside_of(tool, tmp_path)
    assert outside.places == {
        "src/README.md": "inside/src.md",
        "src/deep/README.md": "inside/src/deep.md",
        "README.md": "index.md",
        "examples": "source/examples/index.md",
        "examples/one.py": "source/examples/one.py.md",
        "pics/x.png": "files/pics/x.png",
        "src/m.py": "source/src/m.py.md",
    }
    page = (tmp_path / "docs/a/page.md").read_text()
    assert outside.rewritten(page, "docs/a/page.md", "a/page.md") == (
        "[r](../inside/src.md#head) ![p](../files/pics/x.png) [s](../source/src/m.py.md) [d](other.md)"
    )
    assert outside.page("src/README.md") == (
        "# Head\n[b](../a/page.md) [n](src/deep.md) [t](../index.md) [f](../source/examples/index.md)"
    )
    assert "``````python\nx = '```'\n``````" in outside.page("src/m.py")
    assert "[`one.py`](one.py.md)" in outside.page("examples")


@pytest.mark.parametrize("target", ["../../gone.md", "../../../elsewhere.md", "../../secret.md", "../../data.bin"])
def test_a_link_to_what_the_repository_does_not_have_is_an_error(tool: Tool, tmp_path: Path, target: str) -> None:
    root = tmp_path / "repository"
    write(root, {"docs/a/page.md": f"[x]({target})", "secret.md": "ignored by git", "data.bin": "of no known kind"})
    write(tmp_path, {"elsewhere.md": ""})
    with pytest.raises(ValueError, match=r"docs/a/page\.md has a link to"):
        outside_of(tool, root, tracked=lambda path: path.name != "secret.md")
