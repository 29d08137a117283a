"""Boxes of every format that Deep Lake has, in COCO's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import ConfigError, DatasetFormatError
from support.lake import new_lake
from support.require import require

require("mmdet")

from penstock.detection.annotations import read_annotations  # noqa: E402
from penstock.detection.boxes import BoxFormat, exact_decimals  # noqa: E402
from penstock.detection.tensors import resolve_tensors  # noqa: E402

# One box, left 20, top 10, width 40, height 15, in an image of 100 x 50.
WIDTH, HEIGHT = 100, 50
LTWH = [20.0, 10.0, 40.0, 15.0]
BOXES = {
    ("pixel", "LTWH"): LTWH,
    ("pixel", "LTRB"): [20, 10, 60, 25],
    ("pixel", "CCWH"): [40, 17.5, 40, 15],
    ("fractional", "LTWH"): [0.2, 0.2, 0.4, 0.3],
    ("fractional", "LTRB"): [0.2, 0.2, 0.6, 0.5],
    ("fractional", "CCWH"): [0.4, 0.35, 0.4, 0.3],
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("kind", "mode"), BOXES)
def test_every_format(kind: str, mode: str, dtype: str) -> None:
    boxes = np.array([BOXES[kind, mode]] * 2, dtype)
    found = BoxFormat(kind, mode).to_ltwh(boxes, HEIGHT, WIDTH)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [LTWH] * 2, rtol=0, atol=1e-12)


def test_each_box_has_its_own_image() -> None:
    boxes = np.array([[0.5, 0.5, 0.5, 0.5]] * 2, np.float32)
    found = BoxFormat("fractional", "LTWH").to_ltwh(boxes, np.array([10, 20]), np.array([30, 40]))
    assert found.tolist() == [[15, 5, 15, 5], [20, 10, 20, 10]]


def test_no_boxes() -> None:
    for kind, mode in BOXES:
        assert BoxFormat(kind, mode).to_ltwh(np.zeros((0, 4), np.float32), 1, 1).shape == (0, 4)


def test_decimals_survive_float32() -> None:
    rng = np.random.default_rng(0)
    decimals = np.round(rng.uniform(-10, 999, 10_000), 3)
    assert np.array_equal(exact_decimals(decimals.astype(np.float32)), decimals)


def test_other_float32_stay_what_they_are() -> None:
    values = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    assert np.array_equal(exact_decimals(values).astype(np.float32), values)
    whole = np.arange(5, dtype=np.uint16)
    assert np.array_equal(exact_decimals(whole), whole)


@pytest.fixture
def make(deeplake: Any, tmp_path: Path) -> Callable[..., Any]:
    """Writes a dataset of two samples and reads its annotations."""

    def write(boxes: list[Any], labels: list[Any], coords: Any = None, **more: list[Any]) -> Any:
        with new_lake(tmp_path / "lake") as lake:
            lake.create_tensor("images", htype="image", sample_compression="png")
            lake.create_tensor("boxes", htype="bbox", **({"coords": coords} if coords else {}))
            lake.create_tensor("labels", htype="class_label", class_names=["a", "b"])
            lake.images.extend([np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 2)
            lake.boxes.extend([np.array(rows, np.float32) for rows in boxes])
            lake.labels.extend([np.array(rows, np.uint32) for rows in labels])
            for name, values in more.items():
                lake.create_tensor(name, dtype="float64")
                lake[name].extend([np.array(rows, np.float64) for rows in values])
        dataset = penstock.open(tmp_path / "lake")
        sizes = dataset["images"].shapes()[:, :2]
        return read_annotations(dataset, resolve_tensors(dataset), sizes)

    return write


def test_annotations_of_a_dataset(make: Any) -> None:
    found = make([[LTWH], [LTWH, LTWH]], [[1], [0, 1]], area=[[7.5], [8.5, 9.5]], iscrowd=[[0], [1, 0]])
    assert found.offsets.tolist() == [0, 1, 3]
    assert found.boxes.tolist() == [LTWH] * 3
    assert [label for label, _ in found.of(1)] == [0, 1]
    assert [fields for _, fields in found.of(1)] == [
        {"id": 2, "bbox": LTWH, "area": 8.5, "iscrowd": 1},
        {"id": 3, "bbox": LTWH, "area": 9.5, "iscrowd": 0},
    ]


def test_declared_coords_are_followed(make: Any) -> None:
    fraction = [BOXES["fractional", "CCWH"]]
    found = make([fraction, fraction], [[1], [0]], {"type": "fractional", "mode": "CCWH"})
    np.testing.assert_allclose(found.boxes, [LTWH] * 2, atol=1e-12)


def test_areas_of_boxes_stand_in(make: Any) -> None:
    found = make([[LTWH], [LTWH]], [[1], [0]])
    assert found.areas.tolist() == [600, 600]


def test_undeclared_boxes_that_cannot_be_pixels(make: Any) -> None:
    fraction = [BOXES["fractional", "CCWH"]]
    with pytest.raises(ConfigError, match=r"not declared.*tensor 'boxes'"):
        make([fraction, fraction], [[1], [0]])


@pytest.mark.parametrize(
    ("coords", "message"),
    [({"type": "percent", "mode": "LTWH"}, "type 'percent'"), ({"mode": "TLBR"}, "mode 'TLBR'")],
)
def test_unknown_coords(make: Any, coords: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make([[LTWH], [LTWH]], [[1], [0]], coords)


def test_tensors_that_contradict_each_other(make: Any) -> None:
    with pytest.raises(DatasetFormatError, match="1 values for 2 boxes") as caught:
        make([[LTWH], [LTWH, LTWH]], [[1], [0]])
    assert (caught.value.tensor, caught.value.index) == ("labels", 1)


def test_boxes_that_are_none(make: Any) -> None:
    with pytest.raises(DatasetFormatError, match="four numbers") as caught:
        make([[LTWH], [[1, 2, 3]]], [[1], [0]])
    assert (caught.value.tensor, caught.value.index) == ("boxes", 1)
