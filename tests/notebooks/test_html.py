"""Datasets and loaders as notebooks show them: what is in them, and never as markup."""

from __future__ import annotations

import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import DatasetFormatError
from support.seen_lakes import EVIL


class Page(HTMLParser):
    """Tags and the rows of tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_cell:
            self.rows[-1][-1] += data


def test_a_dataset(seen: Path) -> None:
    dataset: Any = penstock.open(seen)
    page = Page(dataset._repr_html_())
    rows = {row[0]: row for row in page.rows}
    assert str(seen) in page.text and "8 samples" in page.text and "branch main" in page.text
    assert set(rows) == {"tensor", *dataset.tensors}
    assert rows["images"] == ["images", "image", "uint8", "90-160 x 120-200 x 3", "jpeg", "8", ""]
    assert rows["labels"][6] == f"3 classes: cat, dog, {EVIL}"
    assert rows["boxes"][6] == "LTWH pixel"
    assert set(page.tags) <= {"p", "b", "br", "table", "thead", "tbody", "tr", "th", "td"}


def test_a_part_of_a_dataset(seen: Path) -> None:
    part: Any = penstock.open(seen)[2:5]
    assert "3 samples" in Page(part._repr_html_()).text


def test_a_path_that_is_markup(seen: Path, tmp_path: Path) -> None:
    path = shutil.copytree(seen, tmp_path / "<script>alert(1)<!--")
    page = Page(penstock.open(path)._repr_html_())  # type: ignore[attr-defined]
    assert "script" not in page.tags and "<script>alert(1)<!--" in page.text


def test_a_damaged_dataset_says_so(seen: Path, tmp_path: Path) -> None:
    path = shutil.copytree(seen, tmp_path / "lake")
    (path / "labels" / "tensor_info.json").write_text("{")
    dataset: Any = penstock.open(path)
    with pytest.raises(DatasetFormatError):
        _ = dataset["labels"].class_names
    page = Page(dataset._repr_html_())
    assert str(path) in page.text and "'labels/tensor_info.json' is not valid JSON" in page.text


def double(sample: dict[str, Any]) -> dict[str, Any]:
    return {**sample, "images": np.zeros(3)}


def test_a_loader(seen: Path, native: Any) -> None:
    with penstock.DataLoader(
        seen, 3, tensors={"img": "images", "boxes": "boxes"}, num_threads=2, loader_type="c++"
    ) as loader:
        page = Page(loader._repr_html_())
    facts = dict(row for row in page.rows if len(row) == 2)
    assert facts["dataset"] == f"{seen}, 8 samples"
    assert facts["epoch"] == "3 batches of 3"
    assert facts["loader"] == "C++ core"
    assert facts["threads"] == "2"
    assert facts["tensors"] == "img (of images), boxes"
    assert "no transform: samples come out as they are stored" in page.text


def test_a_loader_with_a_transform(seen: Path) -> None:
    with penstock.DataLoader(seen, None, tensors=["images"], transform=double, loader_type="python") as loader:
        page = Page(loader._repr_html_())
    facts = dict(row for row in page.rows if len(row) == 2)
    assert facts["loader"] == "Python" and facts["epoch"] == "8 samples one by one"
    assert ["step", "runs in"] in page.rows
    (step,) = loader.steps
    assert [step.step, f"Python: {step.reason}"] in page.rows
