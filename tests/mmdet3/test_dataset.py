"""What MMDetection's datasets give of each image, against those on the annotation file."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from support.coco_lakes import CocoPair
from support.mmdet3_runs import CLASSES, pipelines


def stock(pair: CocoPair, **options: Any) -> Any:
    from mmdet.datasets import CocoDataset

    with contextlib.redirect_stdout(io.StringIO()):
        return CocoDataset(
            ann_file=str(pair.annotations), data_prefix={"img": ""}, **{"metainfo": {"classes": CLASSES}, **options}
        )


def own(pair: CocoPair, **options: Any) -> Any:
    from penstock.integrations.mmdet3 import DeepLakeDetDataset

    return DeepLakeDetDataset(str(pair.lake), **options)


FILTERS: list[dict[str, Any]] = [
    {},
    {"test_mode": True},
    {"filter_cfg": {"filter_empty_gt": True}},
    {"filter_cfg": {"filter_empty_gt": True, "min_size": 32}},
    {"filter_cfg": {"min_size": 40}},
    {"filter_cfg": {"filter_empty_gt": True, "min_size": 32}, "test_mode": True},
    {"indices": 5},
    {"indices": -3, "filter_cfg": {"filter_empty_gt": True}},
    {"indices": [4, 2, 2, 9]},
    {"metainfo": {"classes": ("fox", "dog")}, "filter_cfg": {"filter_empty_gt": True}},
    {"metainfo": {"classes": ["emu"]}},
    {"return_classes": True, "caption_prompt": None},
]


@pytest.mark.parametrize("options", FILTERS, ids=str)
@pytest.mark.parametrize("name", ["awkward", "polygon masks", "bitmap masks"])
def test_information_on_images(name: str, options: dict[str, Any], coco_pair: Callable[[str], CocoPair]) -> None:
    pair = coco_pair(name)
    theirs, ours = stock(pair, **options), own(pair, **options)
    assert len(ours) == len(theirs) > 0
    for index in range(-1, len(theirs)):
        expected, got = theirs.get_data_info(index), ours.get_data_info(index)
        assert got.keys() == expected.keys()
        masks = [[one.pop("mask", None) for one in info["instances"]] for info in (got, expected)]
        got.pop("img_path"), expected.pop("img_path")
        assert got == expected
        if name == "bitmap masks":
            # Those of polygons are outlines anew: of run lengths, and of objects in several parts.
            _check_masks(*masks, (expected["height"], expected["width"]))
        if index >= 0:
            assert ours.get_cat_ids(index) == theirs.get_cat_ids(index)


def _check_masks(ours: list[Any], theirs: list[Any], size: tuple[int, int]) -> None:
    from mmdet.datasets.transforms import LoadAnnotations

    to_bitmap = LoadAnnotations(with_mask=True)._poly2mask
    assert len(ours) == len(theirs)
    for got, expected in zip(ours, theirs, strict=True):
        assert (got is None) == (expected is None)
        if got is not None:
            np.testing.assert_array_equal(to_bitmap(got, *size), to_bitmap(expected, *size))


def test_metainfo(awkward: CocoPair) -> None:
    assert own(awkward).metainfo["classes"] == CLASSES
    chosen = own(awkward, metainfo={"classes": ["fox", "dog"], "palette": [(1, 2, 3), (4, 5, 6)]}).metainfo
    assert chosen == {"classes": ("fox", "dog"), "palette": [(1, 2, 3), (4, 5, 6)]}


def test_items_after_the_pipeline(awkward: CocoPair) -> None:
    """By themselves, as torch's own loader asks for them."""
    train, _ = pipelines()
    options = {"filter_cfg": {"filter_empty_gt": True, "min_size": 32}, "pipeline": train}
    from mmdet.datasets import CocoDataset

    with contextlib.redirect_stdout(io.StringIO()):
        theirs = CocoDataset(
            ann_file=str(awkward.annotations),
            data_prefix={"img": str(awkward.images)},
            metainfo={"classes": CLASSES},
            **options,
        )
    ours = own(awkward, **options)
    for index in range(len(theirs)):
        expected, got = theirs[index], ours[index]
        assert (got["inputs"] == expected["inputs"]).all()
        for part in ("gt_instances", "ignored_instances"):
            left, right = getattr(got["data_samples"], part), getattr(expected["data_samples"], part)
            assert (left.bboxes.tensor == right.bboxes.tensor).all() and (left.labels == right.labels).all()


def test_annotations_are_read_when_asked_for(awkward: CocoPair) -> None:
    dataset = own(awkward, lazy_init=True)
    assert not dataset._fully_initialized and "annotations" not in vars(dataset.detection_source)
    assert dataset.metainfo["classes"] == CLASSES
    assert len(dataset) == len(stock(awkward))


def test_subsets(awkward: CocoPair) -> None:
    whole = own(awkward)
    part = whole.get_subset([3, 1])
    assert [part.get_data_info(i)["img_id"] for i in range(2)] == [whole.get_data_info(i)["img_id"] for i in (3, 1)]
    part.get_subset_(1)
    assert len(part) == 1 and len(whole) == len(stock(awkward))


BAD: list[tuple[dict[str, Any], str]] = [
    ({"deeplake_pth": "x"}, "unknown key 'deeplake_pth'.*Did you mean 'deeplake_path'"),
    ({"classes": ("cat",)}, r"'classes' is a key of MMDetection 2.*metainfo=dict\(classes"),
    ({"img_prefix": "x"}, "'img_prefix' is a key of MMDetection 2"),
    ({"filter_empty_gt": True}, "'filter_empty_gt' is a key of MMDetection 2"),
    ({"metainfo": {"classes": ("cow",)}}, "no class 'cow'"),
    ({"metainfo": {"classes": ()}}, "has no name"),
    ({"metainfo": {"classes": ("cat", "cat")}}, "'cat' is listed twice"),
    ({"filter_cfg": {"min_sizes": 3}}, "unknown key 'min_sizes'"),
    ({"filter_cfg": {"min_size": "3"}}, "min_size must be an int"),
    ({"deeplake_metrics_format": "LVIS"}, "there is no 'LVIS'"),
    ({"deeplake_dataloader_type": "rust"}, "there is no 'rust'"),
    ({"deeplake_dataloader": {"batch_size": 3}}, "'batch_size' belongs beside 'dataset'"),
    ({"deeplake_dataloader": {"shufle": "full"}}, "unknown key 'shufle'"),
    ({"deeplake_dataloader": {"shuffle": True}}, "shuffle is 'chunk' or 'full'"),
    ({"deeplake_dataloader": {"on_error": "skip"}, "test_mode": True}, "on_error is for training"),
    ({"deeplake_tensors": {"image": "images"}}, "unknown key 'image'"),
    ({"filter_cfg": {"min_size": 5000}}, "no image is left"),
    ({"pipeline": [{"type": "LoadProposals"}]}, "step 1: 'LoadProposals' is not supported yet"),
    ({"proposal_file": "x"}, "'proposal_file' is not supported yet"),
    ({"pipeline": [{"type": "Resise"}]}, "the pipeline cannot be built: KeyError: .*Resise"),
    ({"pipeline": [{"type": "Resize", "scal": 3}]}, "the pipeline cannot be built: TypeError: .*scal"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=[str(options) for options, _ in BAD])
def test_what_cannot_work_is_refused(options: dict[str, Any], message: str, awkward: CocoPair) -> None:
    from penstock.errors import ConfigError

    with pytest.raises(ConfigError, match=message):
        own(awkward, **options)


def test_no_path() -> None:
    from penstock.errors import ConfigError
    from penstock.integrations.mmdet3 import DeepLakeDetDataset

    with pytest.raises(ConfigError, match="has no deeplake_path"):
        DeepLakeDetDataset()
    with pytest.raises(ConfigError, match=r"deeplake_path is one path, got 2\..*ConcatDataset"):
        DeepLakeDetDataset(deeplake_path=["a", "b"])


def test_keys_of_base_configurations_are_let_pass(awkward: CocoPair) -> None:
    dataset = own(awkward, ann_file="a.json", data_root="data/", data_prefix={"img": "b"}, backend_args=None)
    assert len(dataset) == len(stock(awkward))


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_a_pipeline_as_a_transform(loader_type: str, awkward: CocoPair, native: Any) -> None:
    """Of penstock's own loader: a list of dicts is of the MMDetection that is installed."""
    import penstock

    train, _ = pipelines()
    names = {"img": "images", "gt_bboxes": "boxes", "gt_labels": "categories"}
    with penstock.DataLoader(awkward.lake, 4, tensors=names, transform=train, loader_type=loader_type) as loader:
        batches = list(loader)
    samples = [sample for batch in batches for sample in batch["data_samples"]]
    dataset = own(awkward, pipeline=train)
    expected = [dataset[index]["data_samples"] for index in range(len(dataset))]
    assert len(samples) == len(expected)
    for got, want in zip(samples, expected, strict=True):
        assert (got.gt_instances.bboxes.tensor == want.gt_instances.bboxes.tensor).all()
        assert got.img_shape == want.img_shape
    with pytest.raises(penstock.errors.ConfigError, match="needs to know the tensor of the images"):
        penstock.DataLoader(awkward.lake, 4, tensors=["images"], transform=train)
