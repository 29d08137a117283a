"""MMDetection 3's pipelines in the C++ core: what the Python loader gives, and what MMDetection's own dataset gives."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st

from penstock.errors import PenstockError
from support.coco_lakes import CocoPair
from support.examples import examples
from support.images import jpeg, picture
from support.lake import encoded, new_lake
from support.random_pipelines3 import RECIPES, pipelines, steps
from support.require import require

require("mmdet3")

pytestmark = pytest.mark.usefixtures("native")

_QUIET = examples(
    10,
    # A failing pipeline is short enough as it is, and trying shorter ones takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
Pairs = Callable[[str], CocoPair]


def loader_of(pair: CocoPair, pipeline: list[dict[str, Any]], loader_type: str, seed: int, **options: Any) -> Any:
    from penstock.integrations.mmdet3 import build_dataloader

    first = next((n for n, step in enumerate(pipeline) if step["type"] in ("Mosaic", "MixUp", "CopyPaste")), None)
    leaf = {
        "type": "DeepLakeDetDataset",
        "deeplake_path": str(pair.lake),
        "deeplake_dataloader_type": loader_type,
        "pipeline": pipeline[:first],
        "filter_cfg": {"filter_empty_gt": True},
        **options,
    }
    dataset = leaf if first is None else {
        "type": "MultiImageMixDataset", "dataset": leaf, "pipeline": pipeline[first:],
    }
    sampler = {"type": "DefaultSampler", "shuffle": "test_mode" not in options}
    return build_dataloader({"dataset": dataset, "batch_size": 3, "sampler": sampler}, seed=seed)


def batches_of(pair: CocoPair, pipeline: list[dict[str, Any]], loader_type: str, seed: int) -> Any:
    """The batches of an epoch, or the kind of error that ended it and the sample that it names."""
    with loader_of(pair, pipeline, loader_type, seed) as loader:
        try:
            return list(loader), None
        except PenstockError as error:
            return None, (type(error).__name__, error.index)


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_known_recipes_run_in_the_core(coco_pair: Pairs, name: str) -> None:
    pair = coco_pair("polygon masks" if "mask" in name or "paste" in name else "awkward")
    pipeline = RECIPES[name]
    with loader_of(pair, pipeline, "c++", 5) as loader:
        assert all(step.native for step in loader.steps), loader.explain()
    for seed in range(3):
        native, python = (batches_of(pair, pipeline, kind, seed)[0] for kind in ("c++", "python"))
        assert_same_batches(native, python, tolerance(pipeline))


@pytest.mark.parametrize("step", sorted(steps))
@_QUIET
@given(data=st.data(), seed=st.integers(0, 2**40))
def test_equal(awkward: CocoPair, step: str, data: Any, seed: int) -> None:
    """Batches of pipelines that begin with each step; or the same error."""
    pipeline = data.draw(pipelines(step))
    native, native_error = batches_of(awkward, pipeline, "c++", seed)
    python, python_error = batches_of(awkward, pipeline, "python", seed)
    assert native_error == python_error
    if native is not None:
        assert_same_batches(native, python, tolerance(pipeline))


def test_views_are_stocks(awkward: CocoPair) -> None:
    pipeline = RECIPES["test-time augmentation"]
    expected = stock_items(awkward, pipeline)
    with loader_of(awkward, pipeline, "c++", 1) as loader:
        batches = list(loader)
    for batch in batches:
        assert len(batch["inputs"]) == len(batch["data_samples"]) == 6
        for view, (images, samples) in enumerate(zip(batch["inputs"], batch["data_samples"], strict=True)):
            for image, sample in zip(images, samples, strict=True):
                stock = expected[sample.img_id]
                assert torch.equal(image, stock["inputs"][view])
                assert_same_sample(sample, stock["data_samples"][view])


def stock_items(pair: CocoPair, pipeline: list[dict[str, Any]]) -> dict[int, Any]:
    """What MMDetection's own dataset gives, by the image's number."""
    from mmdet.datasets import CocoDataset

    with contextlib.redirect_stdout(io.StringIO()):
        dataset = CocoDataset(
            ann_file=str(pair.annotations),
            data_prefix={"img": str(pair.images)},
            metainfo={"classes": ("cat", "dog", "emu", "fox")},
            filter_cfg={"filter_empty_gt": True},
            pipeline=pipeline,
        )
    items = [dataset[index] for index in range(len(dataset))]
    samples = [item["data_samples"] for item in items]
    numbers = [(sample[0] if isinstance(sample, list) else sample).img_id for sample in samples]
    return dict(zip(numbers, items, strict=True))


@pytest.mark.parametrize("prob", [0.0, 1.0])
@pytest.mark.parametrize("name", ["faster_rcnn", "mask_rcnn", "test"])
def test_what_draws_nothing_is_stocks(coco_pair: Pairs, name: str, prob: float) -> None:
    """Pixels, boxes, labels, masks, ignored objects and notes."""
    pair = coco_pair("bitmap masks" if "mask" in name else "awkward")
    pipeline = [{**step, "prob": prob} if step["type"] == "RandomFlip" else step for step in RECIPES[name]]
    expected = stock_items(pair, pipeline)
    seen = []
    with loader_of(pair, pipeline, "c++", 1) as loader:
        assert all(step.native for step in loader.steps), loader.explain()
        for batch in loader:
            for image, sample in zip(batch["inputs"], batch["data_samples"], strict=True):
                stock = expected[sample.img_id]
                assert image.dtype == torch.uint8 and torch.equal(image, stock["inputs"])
                assert_same_sample(sample, stock["data_samples"], paths=False)
                seen.append(sample.img_id)
    assert sorted(seen) == sorted(expected)


def test_python_takes_samples_on_from_the_core(coco_pair: Pairs) -> None:
    """Objects, masks and notes as the core has left them, in MMDetection's own form."""
    pipeline = [*RECIPES["mask_rcnn"]]
    pipeline.insert(4, {"type": "FixShapeResize", "width": 70, "height": 50, "keep_ratio": True})
    pair = coco_pair("polygon masks")
    with loader_of(pair, pipeline, "c++", 1) as loader:
        assert [step.native for step in loader.steps] == [True] * 4 + [False] * 2
    native, python = (batches_of(pair, pipeline, kind, 3)[0] for kind in ("c++", "python"))
    assert_same_batches(native, python, (0, 0, 0))


def test_outlines_are_cut_in_python(coco_pair: Pairs) -> None:
    """MMDetection 3 cuts them with shapely."""
    pipeline = [*RECIPES["mask_rcnn with polygons"]]
    pipeline.insert(3, {"type": "RandomCrop", "crop_size": (60, 60), "recompute_bbox": True})
    pair = coco_pair("polygon masks")
    with loader_of(pair, pipeline, "c++", 1) as loader:
        assert [step.native for step in loader.steps] == [True] * 3 + [False] * 3
        assert "cuts polygons" in loader.explain()
    native, python = (batches_of(pair, pipeline, kind, 3)[0] for kind in ("c++", "python"))
    assert_same_batches(native, python, (0, 0, 0))


@pytest.mark.parametrize("name", ["mask_rcnn", "mask_rcnn with polygons"])
def test_objects_whose_outlines_enclose_nothing_are_ignored(deeplake: Any, tmp_path: Path, name: str) -> None:
    outlines = [[(2, 2), (20, 4), (9, 30)], [(5, 5), (9, 9)], [(30, 3), (40, 20), (22, 25), (21, 9)]]
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("images", htype="image", sample_compression="jpeg")
        lake.create_tensor("boxes", htype="bbox", coords={"type": "pixel", "mode": "LTWH"})
        lake.create_tensor("categories", htype="class_label", class_names=["cat"])
        lake.create_tensor("masks", htype="polygon", dtype="float32")
        for number in range(3):
            lake.images.append(encoded(jpeg(picture(48, 64, 3, seed=number)), "jpeg"))
            lake.boxes.append(np.array([[2, 2, 18, 28], [5, 5, 4, 4], [21, 3, 19, 22]], np.float32))
            lake.categories.append(np.zeros(3, np.uint32))
            lake.masks.append([np.array(outline, np.float32) for outline in outlines])
    pair = CocoPair(tmp_path, tmp_path, tmp_path / "lake")
    native, python = (batches_of(pair, RECIPES[name], kind, 3)[0] for kind in ("c++", "python"))
    assert_same_batches(native, python, (0, 0, 0))
    for sample in native[0]["data_samples"]:
        assert len(sample.gt_instances) == 2 and len(sample.ignored_instances) == 1


def test_crowds_are_ignored_instances(awkward: CocoPair) -> None:
    with loader_of(awkward, RECIPES["faster_rcnn"], "c++", 1) as loader:
        samples = [sample for batch in loader for sample in batch["data_samples"]]
    assert sum(len(sample.ignored_instances) for sample in samples) > 3
    assert any(len(sample.gt_instances) and len(sample.ignored_instances) for sample in samples)


def tolerance(pipeline: list[dict[str, Any]]) -> tuple[float, float, float]:
    """Share of values that may differ by more than a level, that level, and by how much boxes may differ; see
    tests/mmdet/test_native_pipelines.py.
    """
    names = [step["type"] for step in pipeline]
    if "RandomAffine" in names:
        return 0.03, 1e-3, 1e-3
    floats = next((n for n, step in enumerate(pipeline) if step.get("to_float32") or "Photo" in step["type"]), 99)
    if {"YOLOXHSVRandomAug", "CachedMixUp"} & set(names[floats:]):
        return 0.06, 1e-3, 0
    # Each distortion adds to the last bits of the one before, and may stretch them.
    return 1e-4, 1e-3 * max(1, names.count("PhotoMetricDistortion")), 0


def assert_same_batches(native: list[Any], python: list[Any], far: tuple[float, float, float]) -> None:
    assert len(native) == len(python) > 0
    share, level, boxes = far
    for one, other in zip(native, python, strict=True):
        assert one.keys() == other.keys() == {"inputs", "data_samples"}
        if isinstance(one["inputs"][0], list):
            views = [[{key: batch[key][view] for key in batch} for view in range(len(one["inputs"]))]
                     for batch in (one, other)]
            assert_same_batches(*views, far)
            continue
        for image, expected in zip(one["inputs"], other["inputs"], strict=True):
            assert image.dtype == expected.dtype and image.shape == expected.shape
            apart = (image.double() - expected.double()).abs() > level
            assert apart.double().mean() <= share
        for sample, expected in zip(one["data_samples"], other["data_samples"], strict=True):
            assert_same_sample(sample, expected, boxes)


def assert_same_sample(sample: Any, expected: Any, boxes: float = 0, *, paths: bool = True) -> None:
    metas = [dict(one.metainfo) for one in (sample, expected)]
    if not paths:
        for meta in metas:
            meta.pop("img_path", None)
    assert repr(metas[0]) == repr({key: metas[1][key] for key in metas[0]}) and metas[0].keys() == metas[1].keys()
    for name in ("gt_instances", "ignored_instances"):
        ours, theirs = getattr(sample, name), getattr(expected, name)
        assert ours.keys() == theirs.keys(), name
        for key in ours.keys():  # noqa: SIM118  (InstanceData is no mapping)
            one, other = ours[key], theirs[key]
            assert type(one) is type(other), key
            if key == "masks":
                assert (one.height, one.width, len(one)) == (other.height, other.width, len(other))
                assert repr_of_masks(one) == repr_of_masks(other)
            elif key == "bboxes":
                assert one.tensor.dtype == other.tensor.dtype == torch.float32
                assert torch.allclose(one.tensor, other.tensor, rtol=1e-5 if boxes else 0, atol=boxes)
            else:
                assert one.dtype == other.dtype == torch.int64 and torch.equal(one, other)


def repr_of_masks(masks: Any) -> Any:
    if isinstance(masks.masks, np.ndarray):
        return masks.masks.dtype, masks.masks.tobytes()
    return [[(part.dtype, part.tobytes()) for part in parts] for parts in masks.masks]
