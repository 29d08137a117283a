"""MMDetection pipelines as the transform of a plain loader."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import penstock
from penstock.errors import ConfigError, TransformError
from support.coco_lakes import CocoPair, write_awkward_coco
from support.damage import edit_json
from support.detection import TEST_PIPELINE, augmenting, stock_dataset, training

TENSORS = {"img": "images", "gt_bboxes": "boxes", "gt_labels": "categories"}


@pytest.fixture(scope="module")
def awkward(mmdet: Any, deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> CocoPair:
    return write_awkward_coco(tmp_path_factory.mktemp("awkward"))


@pytest.fixture(params=["python", "c++"])
def load(request: pytest.FixtureRequest, awkward: CocoPair) -> Callable[..., penstock.DataLoader]:
    if request.param == "c++":
        request.getfixturevalue("native")

    def build(pipeline: Any, tensors: dict[str, str] = TENSORS, **options: Any) -> penstock.DataLoader:
        return penstock.DataLoader(
            awkward.lake, transform=pipeline, tensors=tensors, loader_type=request.param, seed=3, **options
        )

    return build


def test_batches_are_mmcvs(load: Callable[..., penstock.DataLoader], awkward: CocoPair) -> None:
    """No image is left out, and their items are MMDetection's."""
    stock = stock_dataset(awkward, training(), test_mode=True)
    loader = load(training(), batch_size=4)
    images = 0
    for batch in loader:
        metas = batch["img_metas"].data[0]
        assert batch["img"].data[0].shape[0] == len(metas)
        for number, meta in enumerate(metas):
            info = stock.data_infos[images]
            assert meta["ori_filename"] == info["filename"]
            boxes = torch.from_numpy(stock.get_ann_info(images)["bboxes"])
            scale = torch.from_numpy(meta["scale_factor"])
            height, width = meta["img_shape"][:2]
            limits = torch.tensor([width, height, width, height])
            expected = torch.minimum((boxes * scale).clamp(min=0), limits)
            assert torch.equal(batch["gt_bboxes"].data[0][number], expected)
            images += 1
    assert images == len(stock)


def test_a_pipeline_of_test_needs_images_alone(load: Callable[..., penstock.DataLoader]) -> None:
    batch = next(iter(load(TEST_PIPELINE, {"img": "images"}, batch_size=1)))
    assert batch["img"][0].shape[1] == 3


def test_random_numbers_follow_from_seed_epoch_and_index(load: Callable[..., penstock.DataLoader]) -> None:
    loader = load(augmenting())
    first, second = (torch.cat([batch["img"].data[0].reshape(-1) for batch in loader]) for _ in range(2))
    loader.set_epoch(0)
    again = torch.cat([batch["img"].data[0].reshape(-1) for batch in loader])
    assert torch.equal(first, again)
    assert not torch.equal(first[:100], second[:100])


def test_the_map_style_dataset_gives_the_same_sample(load: Callable[..., penstock.DataLoader]) -> None:
    loader = load(augmenting())
    for index, batch in enumerate(loader):
        # Float images of the core and of numpy differ in their last bits.
        assert torch.allclose(loader.dataset[index]["img"].data, batch["img"].data[0][0], atol=1e-4)


def test_labels_without_names(awkward: CocoPair, tmp_path: Path) -> None:
    path = Path(shutil.copytree(awkward.lake, tmp_path / "lake"))
    edit_json(path / "categories" / "tensor_info.json", dict.clear)
    loader = penstock.DataLoader(path, transform=training(), tensors=TENSORS, loader_type="python")
    assert len(list(loader)) == len(penstock.open(path))


@pytest.mark.parametrize(
    ("pipeline", "tensors", "message"),
    [
        ([{"type": "Resise"}], TENSORS, "pipeline step 1: there is no transform 'Resise'"),
        (training(), None, "needs to know the tensor of the images"),
        (training(), {"img": "boxes"}, "'img' needs a tensor of images"),
    ],
    ids=["unknown transform", "no mapping", "wrong tensor"],
)
def test_pipelines_that_cannot_work(
    load: Callable[..., penstock.DataLoader], pipeline: Any, tensors: Any, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(pipeline, tensors)
    assert message in str(caught.value)


class Broken:
    """A transform that fails."""

    def __call__(self, results: dict[str, Any]) -> None:
        raise ZeroDivisionError("by nothing")


def test_a_transform_that_raises_names_the_sample(load: Callable[..., penstock.DataLoader]) -> None:
    with pytest.raises(TransformError, match="ZeroDivisionError: by nothing") as caught:
        next(iter(load([*training()[:2], {"type": Broken}])))
    assert caught.value.index == 0
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
