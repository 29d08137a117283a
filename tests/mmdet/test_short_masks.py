"""Other numbers of masks than of boxes: both loaders name tensor and sample, and read nothing beyond."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock.errors import DatasetFormatError, DecodeError, PenstockError
from support.images import jpeg, picture
from support.lake import encoded, new_lake

pytestmark = pytest.mark.usefixtures("native", "mmdet")

HEIGHT, WIDTH = 48, 64
SAMPLES, BOXES = 6, 3


def polygon(left: float) -> Any:
    return np.array([[left, 4], [left + 20, 4], [left + 20, 30], [left, 30]], np.float32)


def bitmap(left: int) -> Any:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[4:30, left : left + 20] = True
    return mask


def write(path: Path, htype: str, counts: list[int]) -> None:
    """Samples of three boxes each, and of as many masks as ``counts`` says; of no sample of masks beyond its end."""
    with new_lake(path) as lake:
        lake.create_tensor("images", htype="image", sample_compression="jpeg")
        lake.create_tensor("boxes", htype="bbox", coords={"type": "pixel", "mode": "LTWH"})
        lake.create_tensor("categories", htype="class_label", class_names=["cat"])
        lake.create_tensor("masks", htype=htype, **({} if htype == "polygon" else {"sample_compression": "lz4"}))
        for number in range(SAMPLES):
            lake.images.append(encoded(jpeg(picture(HEIGHT, WIDTH, 3, seed=number)), "jpeg"))
            lake.boxes.append(np.array([[left, 4, 20, 26] for left in (2, 12, 30)], np.float32))
            lake.categories.append(np.zeros(BOXES, np.uint32))
        for count in counts:
            if htype == "polygon":
                lake.masks.append([polygon(left) for left in (2, 12, 30, 40)[:count]])
            else:
                planes = [bitmap(left) for left in (2, 12, 30, 40)[:count]]
                lake.masks.append(np.stack(planes, -1) if planes else np.zeros((HEIGHT, WIDTH, 0), bool))


def error_of(path: Path, loader_type: str, poly2mask: bool, shuffle: bool) -> PenstockError:
    from penstock.integrations.mmdet import build_dataloader, build_dataset

    pipeline = [
        {"type": "LoadImageFromFile"},
        {"type": "LoadAnnotations", "with_bbox": True, "with_mask": True, "poly2mask": poly2mask},
        {"type": "RandomFlip", "flip_ratio": 0.5},
        {"type": "DefaultFormatBundle"},
        {"type": "Collect", "keys": ["img", "gt_bboxes", "gt_labels", "gt_masks"], "meta_keys": ("filename",)},
    ]
    with pytest.raises(PenstockError) as caught:
        dataset = build_dataset({"pipeline": pipeline, "deeplake_path": str(path)})
        with build_dataloader(dataset, 2, 0, shuffle=shuffle, seed=5, loader_type=loader_type) as loader:
            assert loader_type == "python" or all(step.native for step in loader.steps[:3])
            for _ in loader:
                pass
    return caught.value


@pytest.fixture
def short(deeplake: Any, tmp_path: Path) -> Callable[[str, list[int]], Path]:
    def make(htype: str, counts: list[int]) -> Path:
        write(tmp_path / "lake", htype, counts)
        return tmp_path / "lake"

    return make


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize(("htype", "poly2mask"), [("polygon", True), ("polygon", False), ("binary_mask", True)])
@pytest.mark.parametrize("masks", [0, 1, BOXES - 1, BOXES + 1])
def test_another_number_of_masks_than_of_boxes(
    short: Any, htype: str, poly2mask: bool, masks: int, loader_type: str, shuffle: bool
) -> None:
    path = short(htype, [3, 3, 3, masks, 3, 3])
    error = error_of(path, loader_type, poly2mask, shuffle)
    assert isinstance(error, DecodeError)
    assert error.cause == f"there are {masks} masks for {BOXES} boxes"
    assert error.hint == "The sample is damaged: replace it, or leave it out."
    assert (error.tensor, error.index, error.path) == ("masks", 3, str(path))


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize(("htype", "poly2mask"), [("polygon", True), ("polygon", False), ("binary_mask", True)])
@pytest.mark.parametrize("end", [1, SAMPLES - 1])
def test_a_tensor_of_masks_that_ends_before_the_boxes(
    short: Any, htype: str, poly2mask: bool, end: int, loader_type: str
) -> None:
    path = short(htype, [3] * end)
    error = error_of(path, loader_type, poly2mask, False)
    assert isinstance(error, DatasetFormatError)
    assert (error.tensor, error.index, error.path) == ("masks", end, str(path))
    assert f"their tensor has {end} samples, the images {SAMPLES}" in error.cause
