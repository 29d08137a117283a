"""penstock ingest-coco on files that are wrong: one line that says what, and nothing left behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penstock

Command = Callable[..., Any]


def fails(run: Command, files: Any, out: Path, *options: object) -> str:
    """Runs an ingest that fails; its message, which is one line."""
    before = out.exists()
    result = run("ingest-coco", files.annotations, files.images, out, *options)
    assert result.status == 1
    assert result.out == ""
    (line,) = result.err.splitlines()
    assert line.startswith("penstock: error: ")
    assert out.exists() == before
    assert not list(out.parent.glob("*.partial"))
    return str(line)


def drop(key: str, kind: str, number: int = 2) -> Callable[[dict[str, Any]], object]:
    return lambda content: content[kind][number].pop(key)


def put(key: str, value: Any, kind: str = "annotations", number: int = 2) -> Callable[[dict[str, Any]], object]:
    return lambda content: content[kind][number].update({key: value})


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (put("category_id", 12), "annotation 3 has the category 12, which the file does not list"),
        (put("image_id", 999), "annotation 3 belongs to image 999, which the file does not list"),
        (drop("bbox", "annotations"), "annotation 3 has no 'bbox'"),
        (drop("id", "annotations"), "annotation number 2 has no 'id'"),
        (put("bbox", [1, 2, 3]), "annotation 3: 'bbox' is [1, 2, 3], not four numbers"),
        (put("area", "large"), "annotation 3: 'area' is 'large', not a number"),
        (put("category_id", [1]), "annotation 3: 'category_id' is [1], not an integer"),
        (put("id", "a7", "images"), "image a7: 'id' is 'a7', not an integer"),
        (put("id", 1, "images"), "image 1 is listed twice"),
        (put("id", 1, "categories"), "category 1 is listed twice"),
        (drop("file_name", "images"), "image 3 has no 'file_name'"),
        (lambda content: content.pop("images"), "it has no list of 'images'"),
        (put("segmentation", "somewhere"), "annotation 3: a segmentation is a list or an object"),
        (put("segmentation", [[1, 2, 3]]), "annotation 3: a polygon is a list of x and y in turn"),
        (put("segmentation", {"size": [9, 9], "counts": [80]}), "annotation 3: a run-length encoding does not cover"),
        (put("segmentation", {"size": [9, -9], "counts": []}), "annotation 3: a run-length encoding has the size"),
        (put("segmentation", {"size": [9, 9]}), "annotation 3: a run-length encoding has no 'counts'"),
    ],
)
def test_a_wrong_annotation_file(
    edit: Callable[[dict[str, Any]], object], said: str, shapes: Any, tmp_path: Path, penstock_command: Command
) -> None:
    shapes.change(edit)
    message = fails(penstock_command, shapes, tmp_path / "out")
    assert said in message
    assert str(shapes.annotations) in message


@pytest.mark.parametrize(("text", "said"), [("{", "not a JSON file"), ("[]", "its JSON is no object")])
def test_no_annotation_file_at_all(
    text: str, said: str, shapes: Any, tmp_path: Path, penstock_command: Command
) -> None:
    shapes.annotations.write_text(text)
    assert said in fails(penstock_command, shapes, tmp_path / "out")
    shapes.annotations.unlink()
    assert "the annotation file cannot be read" in fails(penstock_command, shapes, tmp_path / "out")


def test_missing_and_wrong_images(shapes: Any, tmp_path: Path, penstock_command: Command) -> None:
    file = shapes.images / shapes.content["images"][4]["file_name"]
    file.write_bytes(b"<html>not found</html>")
    assert f"'{file}' is neither a JPEG nor a PNG file" in fails(penstock_command, shapes, tmp_path / "out")
    file.write_bytes(b"\x89PNG\r\n\x1a\n")
    message = fails(penstock_command, shapes, tmp_path / "out")
    assert f"'{file}' is png" in message
    file.unlink()
    message = fails(penstock_command, shapes, tmp_path / "out")
    assert f"the image '{file}' cannot be read: No such file" in message


def test_what_is_there_is_not_overwritten_unasked(shapes: Any, tmp_path: Path, penstock_command: Command) -> None:
    out = tmp_path / "out"
    arguments = ("ingest-coco", shapes.annotations, shapes.images, out)
    penstock_command(*arguments, "--limit", 3)
    assert "exists already" in fails(penstock_command, shapes, out)
    assert len(penstock.open(out)) == 3
    assert penstock_command(*arguments, "--limit", 6, "--overwrite").status == 0
    assert len(penstock.open(out)) == 6


def test_only_datasets_are_overwritten(shapes: Any, tmp_path: Path, penstock_command: Command) -> None:
    precious = tmp_path / "home" / "letter.txt"
    precious.parent.mkdir()
    precious.write_text("dear")
    message = fails(penstock_command, shapes, precious.parent, "--overwrite")
    assert "is no Deep Lake 3 dataset and is not replaced" in message
    assert precious.read_text() == "dear"


def test_a_failure_leaves_the_old_dataset(shapes: Any, tmp_path: Path, penstock_command: Command) -> None:
    out = tmp_path / "out"
    penstock_command("ingest-coco", shapes.annotations, shapes.images, out)
    before = penstock.open(out).fingerprint()
    shapes.change(put("segmentation", [[1, 2, 3]]))
    fails(penstock_command, shapes, out, "--overwrite")
    assert penstock.open(out).fingerprint() == before


def test_an_empty_directory_may_be_the_target(shapes: Any, tmp_path: Path, penstock_command: Command) -> None:
    (tmp_path / "out").mkdir()
    assert penstock_command("ingest-coco", shapes.annotations, shapes.images, tmp_path / "out").status == 0
    assert len(penstock.open(tmp_path / "out")) == 40


def test_wrong_limits(shapes: Any, tmp_path: Path, penstock_command: Command) -> None:
    assert "limit must be at least 1" in fails(penstock_command, shapes, tmp_path / "out", "--limit", 0)


def test_without_deeplake_the_extra_is_named(
    shapes: Any, tmp_path: Path, penstock_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "deeplake", None)
    assert "pip install 'penstock[ingest]'" in fails(penstock_command, shapes, tmp_path / "out")


def test_a_dataset_survives_the_loss_of_its_sources(shapes: Any, tmp_path: Path, penstock_command: Command) -> None:
    penstock_command("ingest-coco", shapes.annotations, shapes.images, tmp_path / "out")
    expected = (shapes.images / shapes.content["images"][0]["file_name"]).read_bytes()
    shutil.rmtree(shapes.images)
    assert penstock.open(tmp_path / "out")["images"].bytes(0) == expected
