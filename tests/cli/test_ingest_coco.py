"""penstock ingest-coco: what deeplake reads back is what the COCO files hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.detection.boxes import exact_decimals
from support.lake import open_lake

Command = Callable[..., Any]


def annotated_images(content: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each image of a COCO file with its annotations, both in the file's order."""
    rows: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for annotation in content["annotations"]:
        rows[annotation["image_id"]].append(annotation)
    for image in content["images"]:
        yield image, rows[image["id"]]


def check_against_files(out: Path, files: Any) -> None:
    """Compares what deeplake reads with the files, value by value."""
    content = files.content
    with open_lake(out) as lake:
        ids = lake.categories.info["category_ids"]
        names = dict(zip(ids, lake.categories.info["class_names"], strict=True))
        assert names == {category["id"]: category["name"] for category in content["categories"]}
        assert ids == sorted(ids)
        assert lake.boxes.info["coords"] == {"type": "pixel", "mode": "LTWH"}
        assert len(lake) == len(content["images"])
        for index, (image, rows) in enumerate(annotated_images(content)):
            assert lake.image_ids[index].numpy().tolist() == [image["id"]]
            assert lake.filenames[index].data()["value"] == image["file_name"]
            assert lake.images[index].tobytes() == (files.images / image["file_name"]).read_bytes()
            expected = np.array([row["bbox"] for row in rows], np.float32).reshape(-1, 4)
            np.testing.assert_array_equal(lake.boxes[index].numpy(), expected)
            labels = lake.categories[index].numpy().tolist()
            assert [ids[label] for label in labels] == [row["category_id"] for row in rows]
            assert lake.iscrowds[index].numpy().tolist() == [bool(row["iscrowd"]) for row in rows]
            assert lake.areas[index].numpy().tolist() == [row["area"] for row in rows]
            assert len(lake.masks[index].numpy()) == len(rows)


def test_shapes_come_back_as_they_were(shapes: Any, tmp_path: Path, penstock_command: Command) -> None:
    result = penstock_command("ingest-coco", shapes.annotations, shapes.images, tmp_path / "out")
    assert (result.status, result.err) == (0, "")
    content = shapes.content
    assert f"40 images, {len(content['annotations'])} annotations" in result.out
    assert any(not rows for _, rows in annotated_images(content)), "an image without annotations belongs here"
    check_against_files(tmp_path / "out", shapes)


def test_photographs_come_back_as_they_were(coco_val: Any, tmp_path: Path, penstock_command: Command) -> None:
    result = penstock_command("ingest-coco", coco_val.annotations, coco_val.images, tmp_path / "out", "--json")
    content = coco_val.content
    assert result.json == {
        "path": str(tmp_path / "out"),
        "images": len(content["images"]),
        "annotations": len(content["annotations"]),
        "crowds": sum(row["iscrowd"] for row in content["annotations"]),
        "categories": len(content["categories"]),
        "image_bytes": sum((coco_val.images / row["file_name"]).stat().st_size for row in content["images"]),
        "compression": "jpeg",
        "converted": 0,
        "turned_lossless": 0,
        "turned_encoded": 0,
        "wrong_sizes": 0,
        "resumed_after": 0,
        "odd": [],
    }
    check_against_files(tmp_path / "out", coco_val)


def test_masks_cover_the_pixels_of_the_segmentations(coco_val: Any, tmp_path: Path, penstock_command: Command) -> None:
    masks = pytest.importorskip("pycocotools.mask")
    penstock_command("ingest-coco", coco_val.annotations, coco_val.images, tmp_path / "out")
    kinds = set()
    with open_lake(tmp_path / "out") as lake:
        for index, (image, rows) in enumerate(annotated_images(coco_val.content)):
            size = image["height"], image["width"]
            for polygon, row in zip(lake.masks[index].numpy(), rows, strict=True):
                segmentation = row["segmentation"]
                kinds.add("crowd" if isinstance(segmentation, dict) else min(len(segmentation), 2))
                wanted = masks.frPyObjects(segmentation, *size)
                if isinstance(wanted, list):
                    wanted = masks.merge(wanted)
                got = masks.frPyObjects([exact_decimals(polygon).reshape(-1).tolist()], *size)
                np.testing.assert_array_equal(masks.decode(got)[:, :, 0], masks.decode(wanted))
    assert kinds == {"crowd", 1, 2}


def test_binary_masks_are_the_pixels_of_the_segmentations(
    coco_val: Any, tmp_path: Path, penstock_command: Command
) -> None:
    masks = pytest.importorskip("pycocotools.mask")
    penstock_command("ingest-coco", coco_val.annotations, coco_val.images, tmp_path / "out", "--masks", "binary_mask")
    with open_lake(tmp_path / "out") as lake:
        assert lake.masks.htype == "binary_mask"
        for index, (image, rows) in enumerate(annotated_images(coco_val.content)):
            size = image["height"], image["width"]
            stored = lake.masks[index].numpy()
            assert stored.shape == (*size, len(rows))
            for number, row in enumerate(rows):
                wanted = masks.frPyObjects(row["segmentation"], *size)
                wanted = masks.merge(wanted) if isinstance(wanted, list) else wanted
                np.testing.assert_array_equal(stored[..., number], masks.decode(wanted))


def test_boxes_are_filled_where_there_is_no_segmentation(
    shapes: Any, tmp_path: Path, penstock_command: Command
) -> None:
    def bare(content: dict[str, Any]) -> None:
        row = content["annotations"][0]
        row["bbox"] = [2, 3, 4, 5]
        del row["segmentation"]

    shapes.change(bare)
    penstock_command("ingest-coco", shapes.annotations, shapes.images, tmp_path / "out", "--masks", "binary_mask")
    row = shapes.content["annotations"][0]
    index = [image["id"] for image in shapes.content["images"]].index(row["image_id"])
    mask = penstock.open(tmp_path / "out")["masks"][index][..., 0]
    assert (int(mask.sum()), bool(mask[3:8, 2:6].all())) == (20, True)


def test_the_loader_reads_it(shapes: Any, tmp_path: Path, penstock_command: Command) -> None:
    penstock_command("ingest-coco", shapes.annotations, shapes.images, tmp_path / "out")
    tensors = ["images", "boxes", "categories", "iscrowds", "areas", "image_ids"]
    with penstock.DataLoader(tmp_path / "out", 7, tensors=tensors) as loader:
        ids = [number for batch in loader for number in batch["image_ids"].reshape(-1).tolist()]
    assert ids == [image["id"] for image in shapes.content["images"]]


def test_limit_takes_the_first_images(shapes: Any, tmp_path: Path, penstock_command: Command) -> None:
    arguments = ("ingest-coco", shapes.annotations, shapes.images, tmp_path / "out", "--limit", 5, "--json")
    summary = penstock_command(*arguments).json
    expected = [rows for _, rows in annotated_images(shapes.content)][:5]
    assert summary["images"] == len(penstock.open(tmp_path / "out")) == 5
    assert summary["annotations"] == sum(map(len, expected))


def test_chunks_are_as_large_as_asked_for(shapes: Any, tmp_path: Path, penstock_command: Command) -> None:
    arguments = ("ingest-coco", shapes.annotations, shapes.images, tmp_path / "out", "--max-chunk-size", 20_000)
    size = penstock_command(*arguments, "--json").json["image_bytes"]
    chunks = len(penstock.open(tmp_path / "out")["images"].chunks.ids)
    assert chunks >= size / 20_000


def test_png_files_stay_png(shapes: Any, tmp_path: Path, penstock_command: Command) -> None:
    from PIL import Image

    for row in shapes.content["images"]:
        file = shapes.images / row["file_name"]
        with Image.open(file) as picture:
            picture.save(file, "PNG")
    penstock_command("ingest-coco", shapes.annotations, shapes.images, tmp_path / "out")
    assert penstock.open(tmp_path / "out")["images"].sample_compression == "png"
    check_against_files(tmp_path / "out", shapes)


def test_without_segmentations_there_are_no_masks(shapes: Any, tmp_path: Path, penstock_command: Command) -> None:
    def bare(content: dict[str, Any]) -> None:
        for row in content["annotations"]:
            del row["segmentation"], row["area"], row["iscrowd"]

    shapes.change(bare)
    assert penstock_command("ingest-coco", shapes.annotations, shapes.images, tmp_path / "out").status == 0
    dataset = penstock.open(tmp_path / "out")
    assert "masks" not in dataset
    for index, (_, rows) in enumerate(annotated_images(shapes.content)):
        assert dataset["areas"][index].tolist() == [row["bbox"][2] * row["bbox"][3] for row in rows]
        assert not dataset["iscrowds"][index].any()
