"""The page in a real browser: what it shows, and that nothing of a dataset is ever obeyed."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from penstock.detection.shown import Shown
from penstock.view.server import ViewServer
from support.damage import replace_sample
from support.images import picture
from support.seen_lakes import EVIL, write_seen_lake
from support.view_clients import ask, browse, viewing

Browse = Callable[..., str]


@pytest.fixture
def page(tmp_path: Path) -> Browse:
    def open_page(server: ViewServer, place: str = "", **options: Any) -> str:
        return browse(server.url + place, tmp_path, **options)

    return open_page


def tiles(document: str) -> list[str]:
    return re.findall(r"<span>#(\d+)</span>", document)


def test_the_grid(server: ViewServer, page: Browse, tmp_path: Path) -> None:
    document = page(server, picture=tmp_path / "grid.png")
    assert tiles(document) == [str(index) for index in range(24)]
    assert "1 to 24 of 30" in document
    assert "<title>lake - penstock view</title>" in document
    assert document.count('<rect class="box"') > 24 and document.count('<polygon class="mask"') > 24
    with Image.open(tmp_path / "grid.png") as shot:
        # It is no blank page.
        assert len(np.unique(np.asarray(shot.convert("RGB")).reshape(-1, 3), axis=0)) > 2000


def test_names_that_are_markup_are_text(server: ViewServer, page: Browse) -> None:
    for place in ("", "#sample=1", "#label=2"):
        document = page(server, place)
        assert "owned" not in re.findall("<title>(.*?)</title>", document)[0]
        assert "<script>document" not in document and '<img src="x"' not in document and "<img src=x" not in document
        assert html.escape(EVIL, quote=False) in document


def test_one_sample_large(server: ViewServer, page: Browse) -> None:
    document = page(server, "#sample=1")
    assert 'id="one" tabindex="-1" open=""' in document
    assert "sample 1, 120 x 160: dog" in document
    assert "2 outlines of 4, 4 points" in document
    assert 'id="fed" hidden=""' in document


def test_filters(server: ViewServer, page: Browse) -> None:
    assert tiles(page(server, "#label=none")) == ["4", "9", "14", "19", "24", "29"]
    document = page(server, "#first=3&last=5&size=300")
    assert tiles(document) == ["3", "4", "5"]
    assert "cat (" in document and "none (6)" in document


def test_the_next_page(server: ViewServer, page: Browse) -> None:
    assert tiles(page(server, "#offset=24")) == [str(index) for index in range(24, 30)]


def test_masks_that_are_arrays_lie_over_the_image(deeplake: Any, tmp_path: Path, page: Browse) -> None:
    path = write_seen_lake(tmp_path / "lake", 4, masks="binary_mask")
    with viewing(path) as server:
        assert page(server).count('class="mask"') == 4


def test_the_pipeline(seen: Path, page: Browse) -> None:
    def pipeline(index: int, epoch: int) -> list[Shown]:
        pixels = picture(40, 60 + epoch, 3, seed=index)
        return [Shown(pixels, np.array([[1.0, 2, 30, 20]]), [EVIL], index, notes={"flip": "horizontal"})]

    with viewing(seen, pipeline, f"{EVIL}.py") as server:
        document = page(server, "#sample=1&epoch=7")
        assert "67 x 40; flip: horizontal" in document
        assert html.escape(f"{EVIL}.py", quote=False) in document
        assert "<script>document" not in document


def test_bad_samples(seen: Path, tmp_path: Path, page: Browse) -> None:
    path = write_seen_lake(tmp_path / "lake", 8)
    replace_sample(path, "images", 3, lambda data: data[: len(data) // 2].ljust(len(data), b"\0"))
    with viewing(path) as server:
        ask(server.url, "api/check", "POST")
        until = time.monotonic() + 60
        while ask(server.url, "api/check").json["state"] == "running" and time.monotonic() < until:
            time.sleep(0.02)
        document = page(server, "#label=bad")
        assert tiles(document) == ["3"]
        assert "1 finding<" in document and "bad samples (1)" in document


def test_errors_are_shown(seen: Path, tmp_path: Path, page: Browse) -> None:
    path = write_seen_lake(tmp_path / "lake", 4)
    (chunk,) = (path / "boxes" / "chunks").iterdir()
    chunk.unlink()
    with viewing(path) as server:
        document = page(server)
        assert document.count('class="tile wrong"') == 4
        assert "tensor 'boxes'" in document
