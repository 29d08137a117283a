"""penstock.ingest.ingest_yolo: what deeplake reads back is what the label files say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import DatasetFormatError, StorageError, UnsupportedError
from penstock.ingest import ingest_yolo
from support.image_folders import image_file, write_file, yolo_folder
from support.lake import open_lake


def label_rows(image: Path) -> list[list[float]]:
    file = Path(str(image).replace("/images/", "/labels/")).with_suffix(".txt")
    return [list(map(float, line.split())) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.parametrize("polygons", [False, True])
def test_boxes_and_outlines_come_back_in_pixels(polygons: bool, tmp_path: Path) -> None:
    data = yolo_folder(tmp_path / "set", polygons=polygons)
    summary = ingest_yolo(data, tmp_path / "out")
    images = sorted((data.parent / "images" / "train").iterdir())
    assert (summary["images"], summary["backgrounds"], summary["odd"]) == (7, 2, [])
    kinds = set()
    with open_lake(tmp_path / "out") as lake:
        assert lake.categories.info["class_names"] == ["Füchse", "cat", "<b>dog</b>"]
        assert lake.categories.info["category_ids"] == [0, 1, 2]
        assert ("masks" in lake.tensors) == polygons
        for index, image in enumerate(images):
            assert lake.images[index].tobytes() == image.read_bytes()
            assert lake.filenames[index].data()["value"] == f"images/train/{image.name}"
            height, width = lake.images[index].shape[:2]
            rows = label_rows(image)
            assert lake.categories[index].numpy().tolist() == [int(row[0]) for row in rows]
            boxes, areas = lake.boxes[index].numpy(), lake.areas[index].numpy()
            outlines = lake.masks[index].numpy() if polygons else []
            assert len(boxes) == len(rows) == summary_of(lake, index)
            for number, row in enumerate(rows):
                if len(row) == 5:
                    x, y, w, h = row[1:]
                    wanted = [(x - w / 2) * width, (y - h / 2) * height, w * width, h * height]
                    area = wanted[2] * wanted[3]
                else:
                    points = np.array(row[1:]).reshape(-1, 2) * (width, height)
                    wanted = [*points.min(0), *(points.max(0) - points.min(0))]
                    turned = np.roll(points, -1, axis=0)
                    area = abs(np.sum(points[:, 0] * turned[:, 1] - points[:, 1] * turned[:, 0])) / 2
                    np.testing.assert_allclose(outlines[number], points, atol=1e-4)
                kinds.add(len(row) == 5)
                np.testing.assert_allclose(boxes[number], wanted, atol=1e-4)
                assert areas[number] == pytest.approx(area)
    assert kinds == ({True, False} if polygons else {True})


def summary_of(lake: Any, index: int) -> int:
    return len(lake.iscrowds[index].numpy())


def test_names_may_be_a_list_and_splits_several_directories(tmp_path: Path) -> None:
    data = yolo_folder(tmp_path, 3, names=["a", "b", "c"], train=["images/train", "images/more"], nc=3)
    write_file(tmp_path / "images" / "more" / "deep" / "x.jpeg", image_file(1))
    write_file(tmp_path / "labels" / "more" / "deep" / "x.txt", "2 0.5 0.5 1 1\n")
    assert ingest_yolo(tmp_path, tmp_path / "out")["images"] == 4
    dataset = penstock.open(tmp_path / "out")
    # By path: "more" comes before "train".
    assert (dataset["categories"][0].tolist(), dataset["boxes"][0].tolist()) == ([2], [[0, 0, 40, 60]])
    assert dataset["categories"].class_names == ["a", "b", "c"]
    assert data.exists()


def test_a_list_of_images(tmp_path: Path) -> None:
    yolo_folder(tmp_path, 4, train="train.txt")
    names = sorted(file.name for file in (tmp_path / "images" / "train").iterdir())
    write_file(tmp_path / "train.txt", "\n".join(f"./images/train/{name}" for name in names[1:3]))
    assert ingest_yolo(tmp_path / "data.yaml", tmp_path / "out")["images"] == 2
    assert penstock.open(tmp_path / "out")["filenames"][0] == f"images/train/{names[1]}"


@pytest.mark.parametrize(("path", "train"), [("../gone", "images/train"), (None, "../images/train")])
def test_paths_that_ultralytics_forgives(path: str | None, train: str, tmp_path: Path) -> None:
    yolo_folder(tmp_path / "set", 3, path=path, train=train)
    assert ingest_yolo(tmp_path / "set", tmp_path / "out")["images"] == 3


def test_numbers_that_are_names_are_the_images_numbers(tmp_path: Path) -> None:
    for number in (7, 139):
        write_file(tmp_path / "images" / "train" / f"{number:012d}.jpg", image_file(number))
    write_file(tmp_path / "data.yaml", "train: images/train\nnames: [a]\n")
    ingest_yolo(tmp_path, tmp_path / "out")
    assert [ids.tolist() for ids in penstock.open(tmp_path / "out")["image_ids"]] == [[7], [139]]


def test_odd_files_are_named_and_counted(tmp_path: Path) -> None:
    yolo_folder(tmp_path, 3)
    write_file(tmp_path / "labels" / "train" / "lost.txt", "0 0.5 0.5 1 1")
    write_file(tmp_path / "labels" / "train" / "classes.txt", "a\nb\n")
    write_file(tmp_path / "images" / "train" / "Thumbs.db", "x")
    twice = sorted((tmp_path / "labels" / "train").glob("bild 1*"))[0]
    write_file(twice, "1 0.5 0.5 0.1 0.1\n1 0.5 0.5 0.1 0.1\n")
    odd = ingest_yolo(tmp_path, tmp_path / "out")["odd"]
    assert [(Path(each["file"]).name, each["kind"]) for each in odd] == [
        ("Thumbs.db", "no image by its name"),
        (twice.name, "lines that are there twice"),
        ("lost.txt", "labels without an image"),
    ]
    assert len(penstock.open(tmp_path / "out")["boxes"][1]) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 0.5 0.5 1", "line 1 has 4 numbers"),
        ("0 0.5 0.5 0.1 0.1\n3 0.5 0.5 0.1 0.1", "line 2: there is no class 3"),
        ("0.5 0.5 0.5 0.1 0.1", "line 1: there is no class 0.5"),
        ("-1 0.5 0.5 0.1 0.1", "line 1: there is no class -1"),
        ("0 300 200 40 40", "line 1: 300 is no share of the image's size"),
        ("0 0.5 0.5 0.1 nan", "is not a class and coordinates"),
        ("0 a b c d", "is not a class and coordinates"),
        ("0 0.5 0.5 0.1 -0.005", "the box has the size"),
        ("0 0.1 0.1 0.2 0.2 0.3", "line 1 has 6 numbers"),
    ],
)
def test_wrong_labels(text: str, said: str, tmp_path: Path) -> None:
    yolo_folder(tmp_path, 3)
    file = write_file(sorted((tmp_path / "labels" / "train").iterdir())[1], text)
    with pytest.raises(DatasetFormatError) as caught:
        ingest_yolo(tmp_path, tmp_path / "out")
    assert said in str(caught.value) and str(file) in str(caught.value) and "--skip-bad" in str(caught.value)
    assert not (tmp_path / "out").exists()
    summary = ingest_yolo(tmp_path, tmp_path / "out", skip_bad=True)
    assert (summary["images"], [each["kind"] for each in summary["odd"]]) == (2, ["left out: wrong labels"])
    assert summary["odd"][0]["file"] == str(file)


@pytest.mark.parametrize(
    ("changes", "said", "kind"),
    [
        ({"names": None}, "'names' is None", DatasetFormatError),
        ({"names": {"a": "b"}}, "has the number 'a'", DatasetFormatError),
        ({"nc": 5}, "'nc' is 5, and there are 3 names", DatasetFormatError),
        ({"train": 7}, "'train' is 7", DatasetFormatError),
        ({"train": None}, "names no images", DatasetFormatError),
        ({"train": None, "val": "images/train"}, "has no split 'train'. It has: val", DatasetFormatError),
        ({"train": "images/nowhere"}, "there is no directory", StorageError),
        ({"train": "nowhere.txt"}, "the list", StorageError),
        ({"kpt_shape": [17, 3]}, "describes poses", UnsupportedError),
    ],
)
def test_a_wrong_data_file(changes: dict[str, Any], said: str, kind: type, tmp_path: Path) -> None:
    yolo_folder(tmp_path, 2, **changes)
    with pytest.raises(kind) as caught:
        ingest_yolo(tmp_path, tmp_path / "out")
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["names: [a", "", "- a\n", "\x00"])
def test_no_data_file_at_all(text: str, tmp_path: Path) -> None:
    yolo_folder(tmp_path, 2)
    write_file(tmp_path / "data.yaml", text)
    with pytest.raises(DatasetFormatError, match=r"data\.yaml"):
        ingest_yolo(tmp_path / "data.yaml", tmp_path / "out")
    (tmp_path / "data.yaml").unlink()
    with pytest.raises(StorageError, match="cannot be read"):
        ingest_yolo(tmp_path / "data.yaml", tmp_path / "out")
    with pytest.raises(DatasetFormatError, match=r"there is no data\.yaml in"):
        ingest_yolo(tmp_path, tmp_path / "out")
