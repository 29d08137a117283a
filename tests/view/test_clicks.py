"""The page, used: clicks, keys and filters in a real browser."""

from __future__ import annotations

import shutil
from pathlib import Path

from penstock.view.server import ViewServer
from support.browser import Page, open_page
from support.damage import replace_sample
from support.view_clients import viewing

GRID = "[...document.querySelectorAll('.tile figcaption span:first-child')].map((each) => each.textContent.slice(1))"
FIRST_TILE = "document.querySelectorAll('.tile').length > 0"
IMAGES = "[...document.querySelectorAll('.tile .picture img')]"


def title(page: Page) -> str:
    return str(page.run("document.getElementById('one-title').textContent"))


def choose(page: Page, name: str, value: str) -> None:
    """As a person does who leaves the field."""
    page.run(
        f"(() => {{ const field = document.getElementById('{name}'); field.value = '{value}';"
        " field.dispatchEvent(new Event('change')); })()"
    )


def test_a_sample_is_opened_and_left(server: ViewServer, tmp_path: Path) -> None:
    with open_page(server.url, tmp_path) as page:
        page.wait_for(FIRST_TILE)
        page.wait_for(f"{IMAGES}.slice(0, 4).every((each) => each.complete && each.naturalWidth > 0)")
        page.click(".tile:nth-child(3)")
        page.wait_for("document.getElementById('one').open && document.querySelector('#values td')")
        assert title(page).startswith("sample 2, 200 x 90")
        assert page.run("location.hash") == "#sample=2"
        page.press("ArrowRight")
        page.wait_for("document.getElementById('one-title').textContent.startsWith('sample 3,')")
        page.press("ArrowLeft")
        page.press("ArrowLeft")
        page.wait_for("document.getElementById('one-title').textContent.startsWith('sample 1,')")
        page.click("#one-back")
        page.wait_for("document.getElementById('one-title').textContent.startsWith('sample 0,')")
        assert page.run("document.getElementById('one-back').disabled")
        page.click("#one-close")
        page.wait_for("!document.getElementById('one').open")
        assert page.run("location.hash") in ("", "#")
        assert page.errors == []


def test_filters_and_pages(server: ViewServer, tmp_path: Path) -> None:
    with open_page(server.url, tmp_path) as page:
        # The grid and the classes come as they come.
        page.wait_for("document.querySelectorAll('#label option').length === 5")
        page.wait_for(FIRST_TILE)
        assert page.run(GRID) == [str(index) for index in range(24)]
        page.click("#next")
        page.wait_for(f"{GRID}.length === 6")
        assert page.run("document.getElementById('next').disabled")
        choose(page, "label", "none")
        page.wait_for(f"{GRID}[0] === '4'")
        assert page.run(GRID) == ["4", "9", "14", "19", "24", "29"]
        choose(page, "first", "10")
        page.wait_for(f"{GRID}[0] === '14'")
        choose(page, "last", "20")
        page.wait_for(f"{GRID}.length === 2")
        assert page.run("location.hash") == "#first=10&last=20&label=none"
        choose(page, "last", "12")
        page.wait_for("document.getElementById('grid').textContent === 'No sample fits.'")
        assert page.errors == []


def test_boxes_and_masks_are_hidden(server: ViewServer, tmp_path: Path) -> None:
    shown = "getComputedStyle(document.querySelector('rect.box')).display !== 'none'"
    masks = "getComputedStyle(document.querySelector('polygon.mask')).display !== 'none'"
    with open_page(server.url, tmp_path) as page:
        page.wait_for("document.querySelector('polygon.mask')")
        assert (page.run(shown), page.run(masks)) == (True, True)
        page.click("#with-boxes")
        assert (page.run(shown), page.run(masks)) == (False, True)
        page.click("#with-masks")
        page.click("#with-boxes")
        assert (page.run(shown), page.run(masks)) == (True, False)


def test_the_check(seen: Path, tmp_path: Path) -> None:
    path = shutil.copytree(seen, tmp_path / "lake")
    replace_sample(path, "images", 8, lambda data: data[: len(data) // 2].ljust(len(data), b"\0"))
    with viewing(path) as server, open_page(server.url, tmp_path) as page:
        page.wait_for(FIRST_TILE)
        page.click("#check")
        page.wait_for("document.querySelector('#bad li')")
        assert "sample 8" in page.run("document.getElementById('bad').textContent")
        page.wait_for("document.querySelectorAll('.tile.wrong').length === 1")
        page.click("#bad li a")
        page.wait_for("document.getElementById('one-title').textContent.startsWith('sample 8,')")
        assert "the data ends too early" in page.run("document.getElementById('one-picture').textContent")


def test_nothing_of_a_dataset_is_obeyed(server: ViewServer, tmp_path: Path) -> None:
    with open_page(f"{server.url}#sample=1", tmp_path) as page:
        page.wait_for("document.querySelector('#values td')")
        page.wait_for("document.querySelectorAll('#label option').length === 5")
        assert page.run("document.title") == "lake - penstock view"
        assert page.run("document.querySelectorAll('script').length") == 1
        assert page.run("[...document.images].every((each) => each.src.startsWith(location.origin))")
        # What is written into the page by other means is not run either.
        page.run(
            "document.body.append(Object.assign(document.createElement('script'), { textContent: 'document.title=1' }))"
        )
        assert page.run("document.title") == "lake - penstock view"
        assert len(page.errors) == 1 and "Content Security Policy" in page.errors[0]
