"""penstock.ingest.ingest_voc: what deeplake reads back is what the XML files say."""

from __future__ import annotations

from pathlib import Path

import pytest

import penstock
from penstock.errors import DatasetFormatError, StorageError
from penstock.ingest import ingest_voc
from support.image_folders import image_file, write_file


def voc_object(name: str = "cat", box: tuple[object, ...] = (1, 2, 30, 20), extra: str = "") -> str:
    sides = "".join(f"<{key}>{value}</{key}>" for key, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    return f"<object><name>{name}</name>{extra}<bndbox>{sides}</bndbox></object>"


def annotate(root: Path, stem: str, number: int, *objects: str, size: str | None = None) -> None:
    height, width = ((40, 60), (60, 40), (33, 47))[number % 3]
    size = f"<size><width>{width}</width><height>{height}</height></size>" if size is None else size
    write_file(root / "Annotations" / f"{stem}.xml", f"<annotation>{size}{''.join(objects)}</annotation>")
    write_file(root / "JPEGImages" / f"{stem}.jpg", image_file(number))


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    root = tmp_path / "VOC"
    annotate(root, "000005", 0, voc_object(), voc_object("dog", (3, 4, 9.7, 30), "<difficult>1</difficult>"))
    annotate(root, "000007", 1)
    annotate(root, "000012", 2, voc_object("cat", (1, 1, 47, 33), "<truncated>1</truncated>"))
    write_file(root / "ImageSets" / "Main" / "train.txt", "000012\n000005\n")
    write_file(root / "ImageSets" / "Main" / "dog_train.txt", "000012 -1\n000005  1\n000007  0\n")
    return root


def test_boxes_flags_and_names(voc: Path, tmp_path: Path) -> None:
    summary = ingest_voc(voc, tmp_path / "out")
    wanted = {"images": 3, "annotations": 3, "difficult": 1, "truncated": 1, "other_classes": 0, "odd": []}
    assert {key: summary[key] for key in wanted} == wanted
    dataset = penstock.open(tmp_path / "out")
    assert dataset["boxes"][0].tolist() == [[0, 1, 29, 18], [2, 3, 6, 26]]
    assert [dataset["difficult"][index].tolist() for index in range(3)] == [[False, True], [], [False]]
    assert [dataset["truncated"][index].tolist() for index in range(3)] == [[False, False], [], [True]]
    assert [dataset["image_ids"][index].tolist() for index in range(3)] == [[5], [7], [12]]
    assert [dataset["filenames"][index] for index in range(3)] == [
        f"JPEGImages/{stem}.jpg" for stem in ("000005", "000007", "000012")
    ]
    # All classes are among Pascal VOC's twenty, which have MMDetection's order.
    names = dataset["categories"].class_names
    assert names is not None
    assert (len(names), names[7], names[11]) == (20, "cat", "dog")
    assert dataset["categories"][0].tolist() == [7, 11]
    assert "masks" not in dataset


def test_splits(voc: Path, tmp_path: Path) -> None:
    ingest_voc(voc, tmp_path / "train", split="train")
    assert [ids.tolist() for ids in penstock.open(tmp_path / "train")["image_ids"]] == [[12], [5]]
    ingest_voc(voc, tmp_path / "dog", split="dog_train")
    assert [ids.tolist() for ids in penstock.open(tmp_path / "dog")["image_ids"]] == [[5], [7]]
    with pytest.raises(StorageError, match=r"there is no split .*There are: train"):
        ingest_voc(voc, tmp_path / "out", split="val")


def test_classes(voc: Path, tmp_path: Path) -> None:
    summary = ingest_voc(voc, tmp_path / "dogs", classes=["dog"])
    assert (summary["annotations"], summary["other_classes"]) == (1, 2)
    assert penstock.open(tmp_path / "dogs")["categories"][0].tolist() == [0]
    annotate(voc, "000005", 0, voc_object("&lt;emu&gt;"), voc_object("cat"))
    ingest_voc(voc, tmp_path / "found")
    assert penstock.open(tmp_path / "found")["categories"].class_names == ["<emu>", "cat"]
    with pytest.raises(ValueError, match="twice"):
        ingest_voc(voc, tmp_path / "out", classes=["dog", "dog"])


def test_pixels_that_are_counted_from_0(voc: Path, tmp_path: Path) -> None:
    ingest_voc(voc, tmp_path / "out", first_pixel=0)
    assert penstock.open(tmp_path / "out")["boxes"][0].tolist() == [[1, 2, 29, 18], [3, 4, 6, 26]]
    with pytest.raises(ValueError, match="first_pixel must be 0 or 1"):
        ingest_voc(voc, tmp_path / "out", first_pixel=2)


def test_sizes_are_compared(voc: Path, tmp_path: Path) -> None:
    annotate(voc, "000005", 0, size="<size><width>99</width><height>40</height></size>")
    annotate(voc, "000007", 1, size="<size><width>0</width><height>0</height></size>")
    annotate(voc, "000012", 2, size="<size><width>many</width></size>")
    summary = ingest_voc(voc, tmp_path / "out")
    assert summary["wrong_sizes"] == 1
    assert [(each["file"], each["what"]) for each in summary["odd"]] == [
        (str(voc / "JPEGImages" / "000005.jpg"), "60 x 40, not 99 x 40")
    ]


def test_images_without_annotations_are_named(voc: Path, tmp_path: Path) -> None:
    lone = write_file(voc / "JPEGImages" / "lone.jpg", image_file(3))
    summary = ingest_voc(voc, tmp_path / "out")
    assert [(each["file"], each["kind"]) for each in summary["odd"]] == [(str(lone), "an image without annotations")]
    assert summary["images"] == 3
    assert ingest_voc(voc, tmp_path / "train", split="train")["odd"] == []


def test_the_file_that_the_annotations_name(voc: Path, tmp_path: Path) -> None:
    (voc / "JPEGImages" / "000005.jpg").rename(voc / "JPEGImages" / "ähm.jpg")
    xml = voc / "Annotations" / "000005.xml"
    xml.write_text(xml.read_text().replace("<size>", "<filename>C:\\pictures\\ähm.jpg</filename><size>", 1))
    ingest_voc(voc, tmp_path / "out")
    assert penstock.open(tmp_path / "out")["filenames"][0] == "JPEGImages/ähm.jpg"


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        ("<annotation>", "it is no XML"),
        ("", "it is no XML"),
        ('<?xml version="1.0" encoding="klingon"?><annotation/>', "klingon"),
        (f"<annotation>{voc_object('')}</annotation>", "object 1 has no name"),
        ("<annotation><object><name>cat</name></object></annotation>", "object 1 ('cat') has no bndbox"),
        (f"<annotation>{voc_object(box=(1, 2, 'x', 4))}</annotation>", "has the xmax 'x', which is no number"),
        (f"<annotation>{voc_object(box=(1, 2, 'inf', 4))}</annotation>", "has the xmax 'inf', which is no number"),
        (f"<annotation>{voc_object(box=(9, 2, 5, 4))}</annotation>", "ends before it begins: 9 to 5"),
    ],
)
def test_wrong_annotations(xml: str, said: str, voc: Path, tmp_path: Path) -> None:
    file = write_file(voc / "Annotations" / "000007.xml", xml)
    with pytest.raises(DatasetFormatError) as caught:
        ingest_voc(voc, tmp_path / "out")
    assert said in str(caught.value) and str(file) in str(caught.value)
    assert not (tmp_path / "out").exists()
    summary = ingest_voc(voc, tmp_path / "out", skip_bad=True)
    assert (summary["images"], [each["kind"] for each in summary["odd"]]) == (2, ["left out: wrong annotations"])


def test_missing_files(voc: Path, tmp_path: Path) -> None:
    (voc / "JPEGImages" / "000007.jpg").unlink()
    (voc / "Annotations" / "000012.xml").unlink()
    with pytest.raises(StorageError, match=r"000012\.xml' cannot be read"):
        ingest_voc(voc, tmp_path / "out", split="train")
    with pytest.raises(StorageError, match=r"000007\.jpg' cannot be read"):
        ingest_voc(voc, tmp_path / "out")
    summary = ingest_voc(voc, tmp_path / "out", skip_bad=True)
    assert summary["images"] == 1
    assert {each["kind"] for each in summary["odd"]} == {"left out: missing", "an image without annotations"}


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"there is no directory .*Annotations"):
        ingest_voc(tmp_path, tmp_path / "out")
    (tmp_path / "Annotations").mkdir()
    with pytest.raises(DatasetFormatError, match="there is no annotation file in"):
        ingest_voc(tmp_path, tmp_path / "out")
