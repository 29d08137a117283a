"""Damaged image files: the first ends it, or all are left out, named and counted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.errors import DatasetFormatError, StorageError
from penstock.ingest import ingest_coco, ingest_folder, ingest_yolo
from support.image_folders import classes_folder, coco_file, image_file, yolo_folder


def cut(file: Path, share: float = 0.6) -> Path:
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    return file


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_a_file_that_ends_early(kind: str, tmp_path: Path) -> None:
    root = classes_folder(tmp_path / "set", {"a": 3, "b": 2}, kind)
    file = cut(sorted((root / "a").iterdir())[1])
    with pytest.raises(DatasetFormatError, match=rf"{file.name}' is damaged: .*--skip-bad"):
        ingest_folder(root, tmp_path / "out")
    assert [entry.name for entry in tmp_path.iterdir()] == ["set"]
    summary = ingest_folder(root, tmp_path / "out", skip_bad=True)
    assert (summary["images"], summary["classes"]) == (4, {"a": 2, "b": 2})
    ((odd),) = summary["odd"]
    assert (odd["file"], odd["kind"]) == (str(file), "left out: damaged")
    assert penstock.verify(tmp_path / "out").ok


def test_without_the_check_it_is_stored(tmp_path: Path) -> None:
    root = classes_folder(tmp_path / "set", {"a": 3})
    cut(sorted((root / "a").iterdir())[1])
    assert ingest_folder(root, tmp_path / "out", check=False)["images"] == 3
    assert penstock.verify(tmp_path / "out").bad_samples == 1


@pytest.mark.parametrize("share", [0.0, 0.02, 0.05])
@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_hardly_anything_of_a_file(share: float, kind: str, tmp_path: Path) -> None:
    root = classes_folder(tmp_path / "set", {"a": 2}, kind)
    file = cut(sorted((root / "a").iterdir())[0], share)
    with pytest.raises(DatasetFormatError, match=file.name):
        ingest_folder(root, tmp_path / "out")
    assert ingest_folder(root, tmp_path / "out", skip_bad=True)["images"] == 1


def test_a_damaged_file_that_would_be_converted(tmp_path: Path) -> None:
    root = classes_folder(tmp_path / "set", {"a": 2})
    file = cut(sorted((root / "a").iterdir())[0])
    for check in (True, False):
        with pytest.raises(DatasetFormatError, match=file.name):
            ingest_folder(root, tmp_path / "out", convert="png", check=check)
    assert ingest_folder(root, tmp_path / "out", convert="png", skip_bad=True)["images"] == 1


def test_what_is_left_out_takes_its_annotations_with_it(tmp_path: Path) -> None:
    files = coco_file(tmp_path, ["jpeg"] * 5)
    cut(files[1] / "2.jpeg")
    (files[1] / "4.jpeg").unlink()
    (files[1] / "5.jpeg").write_text("<html>")
    summary = ingest_coco(*files, tmp_path / "out", skip_bad=True)
    assert (summary["images"], summary["annotations"]) == (2, 2)
    assert [(Path(each["file"]).name, each["kind"]) for each in summary["odd"]] == [
        ("4.jpeg", "left out: missing"),
        ("5.jpeg", "left out: no image"),
        ("2.jpeg", "left out: damaged"),
    ]
    dataset = penstock.open(tmp_path / "out")
    assert [dataset["image_ids"][index].tolist() for index in range(2)] == [[1], [3]]
    assert [dataset["boxes"][index].tolist() for index in range(2)] == [[[1, 2, 11, 9]], [[1, 2, 13, 9]]]


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    root = yolo_folder(tmp_path / "set", 2).parent
    bad = os.fsencode(root / "images" / "train") + b"/z\xff.jpg"
    with Path(os.fsdecode(bad)).open("wb") as file:
        file.write(image_file(0))
    with pytest.raises(DatasetFormatError, match=r"is no text in UTF-8"):
        ingest_yolo(root, tmp_path / "out")
    assert ingest_yolo(root, tmp_path / "out", skip_bad=True)["images"] == 2


def test_a_disk_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = classes_folder(tmp_path / "set", {"a": 2})
    file = sorted((root / "a").iterdir())[1]
    read = Path.read_bytes

    def refusing(path: Path) -> Any:
        if path == file:
            raise OSError(5, "Input/output error")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refusing)
    with pytest.raises(StorageError, match="Input/output error"):
        ingest_folder(root, tmp_path / "out", skip_bad=True)
