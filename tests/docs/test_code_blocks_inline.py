"""What sentences and tables of pages name as code exists: commands with their options, names of the package, files."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.doc_blocks import BlockError, name_of, pages
from support.doc_inline import check_inline


@pytest.mark.parametrize("page", [pytest.param(page, id=name_of(page)) for page in pages()])
def test_what_a_page_names_exists(page: Path) -> None:
    check_inline(page)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("penstock magic PATH", "no command 'magic'"),
        ("penstock info PATH --magic", "penstock info has no option --magic"),
        ("penstock.Magic(path)", r"penstock\.Magic does not exist"),
        ("penstock.DataLoader.magic()", r"penstock\.DataLoader\.magic does not exist"),
        ("penstock.integrations.detectron2.magic", r"penstock\.integrations\.detectron2 has no 'magic'"),
        ("make magic", "no target 'magic'"),
        ("docs/how-to/magic.md", "no such file"),
    ],
)
def test_what_does_not_exist(code: str, message: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n| a | b |\n|---|---|\n| c | use `{code}` |\n")
    with pytest.raises(BlockError, match=rf"page\.md:\d: `.*`: .*{message}"):
        check_inline(page)


def test_what_exists(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    names = ["penstock bench PATH --config x.py", "penstock ingest-*", "penstock.DataLoader.stats", "make test"]
    names += ["penstock.errors.ConfigError", "penstock.integrations.mmdet3.train_detector(cfg)"]
    names += ["tests/docs", "examples/shapes.py", "number = 3"]
    page.write_text("A page: " + ", ".join(f"`{name}`" for name in names))
    assert check_inline(page) == len(names) - 1
