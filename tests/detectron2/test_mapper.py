"""Batches against Detectron2's own DatasetMapper, which is fed the same random numbers."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from support.coco_lakes import CocoPair
from support.require import require

require("detectron2")

from detectron2.data import DatasetCatalog, DatasetMapper  # noqa: E402
from detectron2.data import transforms as T  # noqa: E402
from PIL import Image  # noqa: E402

from penstock.errors import ConfigError, TransformError  # noqa: E402
from penstock.integrations import detectron2 as ours  # noqa: E402
from penstock.integrations.detectron2.catalog import registered as dicts_named  # noqa: E402
from penstock.integrations.detectron2.lowering import CONVERSIONS, lower  # noqa: E402
from support.detectron2_data import FedMapper, assert_same_sample, config, registered  # noqa: E402

SEED = 7
NATIVE: dict[str, list[Any]] = {
    "the usual": [T.ResizeShortestEdge((64, 80, 96), 128, "choice"), T.RandomFlip()],
    "a range": [T.ResizeShortestEdge((48, 100), 110, "range"), T.RandomFlip(0.3, horizontal=False, vertical=True)],
    "nearest": [T.ResizeShortestEdge(70, interp=Image.NEAREST), T.RandomFlip(1.0)],
    "as it is": [T.ResizeShortestEdge((0,), 99, "choice")],
    "exactly": [T.Resize((60, 90)), T.RandomFlip()],
    "levels": [
        *(T.RandomBrightness(0.2, 1.8), T.Resize((60, 90))),
        *(T.RandomContrast(0.2, 1.8), T.RandomSaturation(0.2, 1.8)),
    ],
    "nothing": [],
}
CROPPING: dict[str, list[Any]] = {
    "relative range": [T.RandomCrop("relative_range", (0.3, 0.5)), T.ResizeShortestEdge((64, 80), 128, "choice")],
    "relative": [T.ResizeShortestEdge((64, 80), 128, "choice"), T.RandomCrop("relative", (0.7, 0.6)), T.RandomFlip()],
    "absolute": [T.RandomCrop("absolute", (40, 50)), T.RandomFlip(), T.ResizeShortestEdge(64, 128)],
    "absolute range": [T.RandomCrop("absolute_range", (20, 60)), T.RandomFlip()],
    "large scale": [T.ResizeScale(0.2, 2.0, 100, 80), T.FixedSizeCrop((100, 80))],
    "without pad": [T.ResizeScale(0.2, 2.0, 100, 80, Image.NEAREST), T.FixedSizeCrop((70, 80), pad=False)],
}
PYTHON: dict[str, list[Any]] = {
    "colors last": [T.ResizeShortestEdge((48, 100), 110), T.RandomFlip(), T.RandomLighting(20)],
    "colors first": [T.RandomLighting(20), T.ResizeShortestEdge((48, 100), 110), T.RandomFlip()],
    "in a list": [T.AugmentationList([T.ResizeShortestEdge(64, 110), T.RandomFlip()]), T.RandomSaturation(0.5, 1.5)],
    "now and then": [T.RandomApply(T.RandomFlip(), 0.5), T.RandomRotation([-20, 20]), T.ResizeShortestEdge(64, 99)],
    "bicubic": [T.ResizeShortestEdge((48, 100), 110, interp=Image.BICUBIC)],
}
ALL = {**NATIVE, **CROPPING, **PYTHON}


def mapper(augmentations: list[Any], **options: Any) -> DatasetMapper:
    return DatasetMapper(True, augmentations=augmentations, **{"image_format": "BGR", **options})


def epochs_of(loader: Any, count: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """The samples of some epochs, with their epochs."""
    batches = iter(loader)
    for epoch in range(count):
        for batch in itertools.islice(batches, len(loader)):
            yield from ((epoch, sample) for sample in batch)


def assert_as_detectron2(pair: CocoPair, own: DatasetMapper, loader_type: str, most: int = 40, **options: Any) -> Any:
    """Compares two epochs, or so many samples of them; gives the loader."""
    with registered(pair) as key:
        loader = ours.build_train_loader(
            dataset=key, mapper=own, total_batch_size=3, seed=SEED, loader_type=loader_type, **options
        )
        records = {record["image_id"]: record for record in DatasetCatalog.get(key)}
        index_of = {number: index for index, number in enumerate(dicts_named(key).source.image_ids)}
        fed = [FedMapper(own, SEED, epoch) for epoch in range(2)]
        seen = set()
        with loader:
            for epoch, sample in itertools.islice(epochs_of(loader, 2), most):
                number = sample["image_id"]
                seen.add(number)
                assert_same_sample(sample, fed[epoch](copy.deepcopy(records[number]), index_of[number]))
        assert len(seen) > 5
        return loader


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("augmentations", ALL.values(), ids=ALL)
def test_boxes(coco_pair: Callable[[str], CocoPair], augmentations: list[Any], loader_type: str) -> None:
    assert_as_detectron2(coco_pair("boxes"), mapper(augmentations), loader_type)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("name", ["polygons", "bitmaps"])
@pytest.mark.parametrize("augmentations", ALL.values(), ids=ALL)
def test_bitmasks(
    coco_pair: Callable[[str], CocoPair], augmentations: list[Any], name: str, loader_type: str
) -> None:
    if name == "polygons":
        pytest.importorskip("shapely")
    own = mapper(augmentations, use_instance_mask=True, instance_mask_format="bitmask")
    assert_as_detectron2(coco_pair(name), own, loader_type)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("augmentations", ALL.values(), ids=ALL)
def test_polygons(coco_pair: Callable[[str], CocoPair], augmentations: list[Any], loader_type: str) -> None:
    pytest.importorskip("shapely")
    own = mapper(augmentations, use_instance_mask=True)
    assert_as_detectron2(coco_pair("polygons"), own, loader_type)


@pytest.mark.parametrize("augmentations", CROPPING.values(), ids=CROPPING)
def test_boxes_made_of_masks(coco_pair: Callable[[str], CocoPair], augmentations: list[Any]) -> None:
    pytest.importorskip("shapely")
    own = mapper(augmentations, use_instance_mask=True, recompute_boxes=True)
    assert_as_detectron2(coco_pair("polygons"), own, "c++")


@pytest.mark.parametrize("image_format", ["RGB", "L", "YUV-BT.601"])
def test_other_formats(coco_pair: Callable[[str], CocoPair], image_format: str) -> None:
    loader = assert_as_detectron2(coco_pair("boxes"), mapper(NATIVE["the usual"], image_format=image_format), "c++")
    assert loader.steps[0].native == (image_format == "RGB")


@pytest.mark.parametrize("name", ["train", "train bitmaps"])
def test_the_usual_recipe_on_photographs(coco_pair: Callable[[str], CocoPair], name: str) -> None:
    cfg = config(INPUT__MASK_FORMAT="bitmask" if name.endswith("bitmaps") else "polygon", MODEL__MASK_ON=True)
    loader = assert_as_detectron2(coco_pair(name), DatasetMapper(cfg, True), "c++", most=12)
    assert all(step.native for step in loader.steps)
    assert loader.stats()["transform_seconds"] > 0


def test_what_runs_where(coco_pair: Callable[[str], CocoPair]) -> None:
    with registered(coco_pair("boxes")) as key:
        own = mapper([*NATIVE["the usual"], T.RandomLighting(20), T.RandomFlip()])
        with ours.build_train_loader(dataset=key, mapper=own, total_batch_size=2, loader_type="c++") as loader:
            assert [step.native for step in loader.steps] == [True, True, True, False, False]
            text = loader.explain()
    assert "RandomLighting has no native version" in text and "it comes after" in text


@pytest.mark.parametrize(
    "augmentation",
    [
        T.ResizeShortestEdge(64, interp=Image.BICUBIC),
        T.RandomCrop("relative", (1.5, 1.5)),
        T.RandomCrop("absolute", (10.5, 10)),
        T.RandomCrop("absolute_range", (20, 10)),
        T.RandomExtent((0.5, 1), (0.1, 0.1)),
        T.FixedSizeCrop((10, 10), pad_value=300.0),
        type("Mine", (T.RandomFlip,), {})(),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_no_step_can_express(augmentation: Any) -> None:
    (_, step) = lower([augmentation], "BGR")
    assert step.transform is augmentation  # type: ignore[union-attr]
    assert type(augmentation).__name__ in step.reason  # type: ignore[union-attr]


def test_each_class_is_lowered() -> None:
    pipelines = (*NATIVE.values(), *CROPPING.values())
    made = {type(step) for augmentations in pipelines for step in lower(augmentations, "BGR")}
    assert made >= {kind for kind, _ in CONVERSIONS.values()}


def test_a_mapper_of_the_user_s_own_reads_images_by_their_names(coco_pair: Callable[[str], CocoPair]) -> None:
    inner = mapper(NATIVE["as it is"])

    def own(record: dict[str, Any]) -> dict[str, Any]:
        return {**inner(record), "mine": np.random.randint(1000)}

    with registered(coco_pair("boxes")) as key:
        given = []
        for loader_type in ("c++", "python"):
            with ours.build_train_loader(
                dataset=key, mapper=own, total_batch_size=3, seed=SEED, loader_type=loader_type
            ) as loader:
                given.append([sample for _, sample in epochs_of(loader, 1)])
        records = {record["image_id"]: record for record in DatasetCatalog.get(key)}
        for one, other in zip(*given, strict=True):
            assert one.pop("mine") == other.pop("mine")
            assert_same_sample(one, other)
            assert_same_sample(one, inner(copy.deepcopy(records[one["image_id"]])))

        def failing(record: dict[str, Any]) -> Any:
            raise KeyError("mine")

        with (
            ours.build_train_loader(dataset=key, mapper=failing, total_batch_size=3) as loader,
            pytest.raises(TransformError, match="the mapper raised KeyError"),
        ):
            next(iter(loader))


def test_masks_that_are_missing_or_of_another_kind(coco_pair: Callable[[str], CocoPair]) -> None:
    own = mapper(NATIVE["the usual"], use_instance_mask=True)
    with (
        registered(coco_pair("boxes")) as key,
        pytest.raises(ConfigError, match=r"the mapper needs masks \(MODEL.MASK_ON\)"),
    ):
        ours.build_train_loader(dataset=key, mapper=own, total_batch_size=2)
    with (
        registered(coco_pair("bitmaps")) as key,
        pytest.raises(ConfigError, match="the masks are bitmaps, and the mapper makes polygons"),
    ):
        ours.build_train_loader(dataset=key, mapper=own, total_batch_size=2)


def test_keypoints_and_proposals_are_refused(coco_pair: Callable[[str], CocoPair]) -> None:
    with registered(coco_pair("boxes")) as key:
        for options, word in (
            ({"use_keypoint": True}, "keypoints"),
            ({"precomputed_proposal_topk": 5}, "proposals"),
        ):
            with pytest.raises(ConfigError, match=f"{word} are not read"):
                ours.build_train_loader(dataset=key, mapper=mapper([], **options), total_batch_size=2)
