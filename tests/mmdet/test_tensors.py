"""Which tensors feed which key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import ConfigError, TensorNotFoundError, UnsupportedError
from support.coco_lakes import CocoPair
from support.images import picture
from support.lake import new_lake, open_lake


def resolve(path: Path, given: dict[str, str] | None = None, **options: Any) -> Any:
    from penstock.detection.tensors import resolve_tensors

    return resolve_tensors(penstock.open(path), given, **options)


@pytest.fixture
def make(mmdet: Any, deeplake: Any, tmp_path: Path) -> Callable[[dict[str, dict[str, Any]]], Path]:
    """Writes a dataset of empty tensors."""

    def write(tensors: dict[str, dict[str, Any]]) -> Path:
        with new_lake(tmp_path / "lake") as lake:
            for name, kind in tensors.items():
                lake.create_tensor(name, **kind)
        return tmp_path / "lake"

    return write


IMAGE = {"htype": "image", "sample_compression": "jpeg"}
BOX = {"htype": "bbox"}
LABEL = {"htype": "class_label"}


def test_tensors_are_found_by_htype_and_the_others_by_name(awkward: CocoPair) -> None:
    found = resolve(awkward.lake)
    assert (found.img, found.gt_bboxes, found.gt_labels) == ("images", "boxes", "categories")
    assert (found.crowd, found.area, found.image_id) == ("iscrowds", "areas", "image_ids")


def test_what_is_not_named_is_found(awkward: CocoPair) -> None:
    assert resolve(awkward.lake, {"img": "images"}) == resolve(awkward.lake)


def test_images_alone(make: Any) -> None:
    found = resolve(make({"pictures": IMAGE}), annotations=False)
    assert (found.img, found.gt_bboxes, found.gt_labels) == ("pictures", None, None)


def test_several_candidates_are_listed(make: Any) -> None:
    path = make({"images": IMAGE, "boxes": BOX, "labels": LABEL, "super_labels": LABEL})
    with pytest.raises(ConfigError) as caught:
        resolve(path)
    assert "several tensors could be 'gt_labels': 'labels', 'super_labels'" in str(caught.value)
    assert "deeplake_tensors={'gt_labels': '...'}" in str(caught.value)
    assert resolve(path, {"gt_labels": "super_labels"}).gt_labels == "super_labels"


def test_no_candidate(make: Any) -> None:
    with pytest.raises(ConfigError, match="there is no tensor of htype 'bbox' for 'gt_bboxes'"):
        resolve(make({"images": IMAGE, "labels": LABEL}))


def test_unknown_keys_and_names(awkward: CocoPair) -> None:
    with pytest.raises(ConfigError, match="unknown key 'gt_boxes'"):
        resolve(awkward.lake, {"gt_boxes": "boxes"})
    with pytest.raises(ConfigError, match="deeplake_tensors: a dict is needed, got 'images'"):
        resolve(awkward.lake, "images")  # type: ignore[arg-type]
    with pytest.raises(TensorNotFoundError, match="Did you mean 'boxes'"):
        resolve(awkward.lake, {"gt_bboxes": "boxs"})


def test_tensors_that_cannot_be_images(awkward: CocoPair) -> None:
    with pytest.raises(ConfigError, match=r"'img' needs a tensor of images.*tensor 'boxes'"):
        resolve(awkward.lake, {"img": "boxes"})


def test_tensors_that_cannot_be_read_yet(mmdet: Any, lake: Callable[[str], Path]) -> None:
    with pytest.raises(UnsupportedError, match="tensor 'linked_tiles'"):
        resolve(lake("unsupported"), {"img": "linked_tiles"}, annotations=False)


def test_tensors_beside_the_boxes_go_before_those_at_the_top(make: Any) -> None:
    path = make(
        {
            "images": IMAGE,
            "one/boxes": BOX,
            "one/labels": LABEL,
            "one/area": {"dtype": "float32"},
            "areas": {"dtype": "float32"},
            "iscrowd": {"dtype": "bool"},
        }
    )
    with open_lake(path, read_only=False) as lake:
        lake["one/area"].append(np.ones(3, "f4"))
        lake.areas.append(np.ones(3, "f4"))
        lake.iscrowd.append(np.ones(3, bool))
    found = resolve(path, {"gt_bboxes": "one/boxes"})
    assert (found.area, found.crowd) == ("one/area", "iscrowd")


def test_tensors_of_another_kind_are_not_taken_for_their_names(make: Any) -> None:
    path = make({"images": IMAGE, "boxes": BOX, "labels": LABEL, "areas": {"htype": "segment_mask"}})
    with open_lake(path, read_only=False) as lake:
        lake.areas.append(picture(4, 5, 0).astype(np.uint32))
    assert resolve(path).area is None
