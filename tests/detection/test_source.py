"""What every detection framework is told of a dataset, without any framework."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.detection.annotation_table import coco_rules
from penstock.detection.coco_index import add_areas, add_segmentations, coco_index
from penstock.detection.source import ImageRules, Source
from penstock.detection.tensors import resolve_tensors
from penstock.errors import ConfigError, DatasetFormatError
from support.lake import new_lake, open_lake

Write = Callable[..., Path]

# Height and width of each image, and its objects: (label, left, top, width, height, whether it is a crowd).
SIZES = [(40, 50), (50, 40), (40, 40), (20, 60)]
OBJECTS = [[(0, 1, 2, 10, 20, False), (2, 5, 5, 6, 6, True)], [], [(1, 0, 0, 30, 30, False)], [(2, 3, 3, 8, 8, False)]]


@pytest.fixture
def write(deeplake: Any, tmp_path: Path) -> Write:
    def write(labels: int = 3, masks: int = 4, names: bool = True) -> Path:
        path = tmp_path / ("lake" if names else "unnamed")
        with new_lake(path) as lake:
            lake.create_tensor("images", htype="image", sample_compression="png")
            lake.create_tensor("boxes", htype="bbox")
            lake.create_tensor("labels", htype="class_label", class_names=["a", "b", "c"][:labels])
            lake.create_tensor("iscrowds", dtype="bool")
            lake.create_tensor("masks", htype="polygon", dtype="float32")
            lake.create_tensor("image_ids", dtype="int64")
            if names:
                lake.create_tensor("filenames", htype="text")
            lake.labels.info.update(category_ids=[7, 3, 9][:labels])
            for index, ((height, width), objects) in enumerate(zip(SIZES, OBJECTS, strict=True)):
                lake.images.append(np.full((height, width, 3), index, np.uint8))
                lake.boxes.append(np.array([row[1:5] for row in objects], np.float32).reshape(-1, 4))
                lake.labels.append(np.array([row[0] for row in objects], np.uint32))
                lake.iscrowds.append(np.array([row[5] for row in objects], bool))
                lake.image_ids.append(np.array([100 + index]))
                if names:
                    lake.filenames.append("" if index == 1 else f"picture {index}.png")
                if index < masks:
                    outlines = [[(x, y), (x + w, y), (x + w, y + h)] for _, x, y, w, h, _ in objects]
                    lake.masks.append([np.array(outline, np.float32) for outline in outlines] or None)
        return path

    return write


def source_of(path: Path, classes: Any = None) -> Source:
    dataset = penstock.open(path)
    return Source(dataset, resolve_tensors(dataset, masks=True), classes=classes)


def test_facts_of_samples(write: Write) -> None:
    source = source_of(write())
    assert len(source) == 4 and source.sizes.tolist() == [list(size) for size in SIZES]
    assert source.image_ids == [100, 101, 102, 103]
    assert source.filenames == ["picture 0.png", "000000000101.png", "picture 2.png", "picture 3.png"]
    assert source.groups.tolist() == [1, 0, 0, 1]
    assert source.polygons is True
    assert source.categories.names == source.classes == ("a", "b", "c")
    assert (source.categories.ids, source.used_ids) == ((7, 3, 9), [7, 3, 9])
    np.testing.assert_array_equal(source.read_image(2, "rgb"), np.full((40, 40, 3), 2, np.uint8))
    assert source.place_of(3) == (source.path, 3)
    annotations = source.annotations
    assert np.diff(annotations.offsets).tolist() == [2, 0, 1, 1]
    assert annotations.crowds.tolist() == [False, True, False, False]
    assert not annotations.ignored.any() and not annotations.difficult.any()


def test_samples_of_a_view_are_named_by_their_place_in_the_dataset(write: Write) -> None:
    with open_lake(write()) as lake:
        dataset = penstock.open(lake[1:])
        source = Source(dataset, resolve_tensors(dataset, masks=True))
        assert source.image_ids == [101, 102, 103] and source.place_of(0) == (source.path, 1)


@pytest.mark.parametrize(
    ("rules", "classes", "kept"),
    [
        (ImageRules(), None, [0, 2]),
        (ImageRules(min_size=1), None, [0, 2, 3]),
        (ImageRules(filter_empty=False), None, [0, 1, 2]),
        (ImageRules(min_size=1), ["c"], [0, 3]),  # The first has a crowd of it.
        (ImageRules(min_size=1), ["b"], [2]),
        (ImageRules(filter_empty=False, min_size=0), ["b"], [0, 1, 2, 3]),
    ],
)
def test_which_images_training_keeps(write: Write, rules: ImageRules, classes: Any, kept: list[int]) -> None:
    assert source_of(write(), classes).kept(rules).tolist() == kept


def test_labels_go_by_the_order_that_the_framework_gives(write: Write) -> None:
    source = source_of(write(), ["c", "a"])
    assert source.classes == ("c", "a")
    assert source.used_ids == [7, 9]
    assert source.training_labels(source.used_ids).tolist() == [0, 1, -1, 1]
    assert source.training_labels([9, 7]).tolist() == [1, 0, -1, 0]
    kept, ignored = coco_rules(source.annotations, source.sizes, source.training_labels([9, 7]))
    assert (kept.tolist(), ignored.tolist()) == ([True, False, False, True], [False, True, False, False])


def test_annotations_as_cocos_files_have_them(write: Write) -> None:
    source = source_of(write())
    first, crowd = source.coco_annotations(0, "masks")
    assert (first["image_id"], first["category_id"], first["iscrowd"]) == (100, 7, 0)
    assert (first["bbox"], first["area"]) == ([1, 2, 10, 20], 200)
    assert first["segmentation"] == [[1, 2, 11, 2, 11, 22]]
    assert (crowd["category_id"], crowd["iscrowd"]) == (9, 1)
    assert source.coco_annotations(1) == []
    assert "segmentation" not in source.coco_annotations(0)[0]


def test_the_index_of_pycocotools(write: Write) -> None:
    coco_class = pytest.importorskip("pycocotools.coco").COCO
    source = source_of(write())
    infos = [
        {"id": number, "index": index, "height": height, "width": width}
        for index, (number, (height, width)) in enumerate(zip(source.image_ids, SIZES, strict=True))
    ]
    coco = coco_index(coco_class, source, infos[1:])
    assert sorted(coco.getImgIds()) == [101, 102, 103]
    assert coco.getCatIds(catNms=["b"]) == [3]
    (number,) = coco.getAnnIds(imgIds=[102])
    assert "segmentation" not in coco.anns[number]
    add_segmentations(coco, source, "masks")
    assert set(coco.anns[number]["segmentation"]) == {"size", "counts"}
    add_areas(coco, source)
    assert coco.anns[number]["area"] == pytest.approx(450, rel=0.1)


def test_what_cannot_be(write: Write) -> None:
    with pytest.raises(ConfigError, match="there is no class 'd'"):
        source_of(write(), ["d"])
    dataset = penstock.open(write(names=False))
    without = Source(dataset, resolve_tensors(dataset, annotations=False))
    assert without.filenames[0] == "000000000100.png" and without.polygons is None
    with pytest.raises(ConfigError, match="without boxes and labels"):
        _ = without.annotations


def test_a_label_without_a_class(write: Write) -> None:
    with pytest.raises(DatasetFormatError, match=r"the label 2 has no class: there are 2") as caught:
        _ = source_of(write(labels=2)).annotations
    assert (caught.value.tensor, caught.value.index) == ("labels", 0)


def test_masks_that_end_before_the_images(write: Write) -> None:
    source = source_of(write(masks=3))
    source.check_masks_reach(np.array([0, 2]))
    with pytest.raises(DatasetFormatError, match="the image has no masks: their tensor has 3 samples") as caught:
        source.check_masks_reach(np.array([0, 3]))
    assert caught.value.index == 3
    source.check_outlines()
    source.check_sizes()
