"""Steps that load annotations, format, collect and multiply views are MMDetection's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.require import require

require("mmdet")

import pycocotools.mask as coco_mask  # noqa: E402
from mmdet.datasets import pipelines  # noqa: E402

from penstock.detection.reference import run_step  # noqa: E402
from penstock.detection.steps import CutOut, MultiScaleFlipAug, PythonStep, Resize  # noqa: E402
from penstock.loading.draws import Stream  # noqa: E402
from support.detection_samples import make_sample, samples  # noqa: E402
from support.oracle import check_step  # noqa: E402

EXAMPLES = examples(60)
BOOLEANS = st.booleans()


def unloaded(seed: int, boxes: int, **more: Any) -> dict[str, Any]:
    """What goes into LoadAnnotations: boxes, labels, and masks of each kind that COCO has."""
    sample = make_sample(seed, boxes=boxes, masks="polygon")
    height, width = sample["img_shape"][:2]
    polygons = [[part.tolist() for part in parts] for parts in sample["gt_masks"].masks]
    masks: list[Any] = list(polygons)
    if boxes > 2:
        masks[0] = coco_mask.merge(coco_mask.frPyObjects(polygons[0], height, width))
        masks[1] = {"size": [height, width], "counts": [5, 10, height * width - 15]}
    annotations = {
        "bboxes": sample["gt_bboxes"],
        "labels": sample["gt_labels"],
        "bboxes_ignore": sample["gt_bboxes_ignore"],
        "masks": masks,
        **more,
    }
    kept = {key: sample[key] for key in ("img", "img_shape", "img_fields", "filename", "ori_filename")}
    info = {"filename": "a.jpg", "height": height, "width": width}
    fields: dict[str, Any] = {"bbox_fields": [], "mask_fields": [], "seg_fields": []}
    return {**kept, **fields, "img_info": info, "ann_info": annotations}


@EXAMPLES
@given(
    st.builds(
        pipelines.LoadAnnotations,
        with_bbox=BOOLEANS,
        with_label=BOOLEANS,
        with_mask=BOOLEANS,
        poly2mask=BOOLEANS,
        denorm_bbox=BOOLEANS,
    ),
    st.integers(0, 2**32),
    st.integers(0, 5),
    st.sampled_from([{}, {"bboxes_ignore": None}, {"gt_is_group_ofs": np.array([True])}]),
)
def test_load_annotations(transform: Any, seed: int, boxes: int, more: dict[str, Any]) -> None:
    check_step(transform, unloaded(seed, boxes, **more))


def test_load_annotations_drops_unsound_polygons() -> None:
    sample = unloaded(0, 2, masks=[[[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 30.0, 4.0, 30.0, 40.0]], [[0.0, 0, 9, 0, 9, 9]]])
    loaded = check_step(pipelines.LoadAnnotations(with_mask=True, poly2mask=False), sample)
    assert loaded is not None and [len(parts) for parts in loaded["gt_masks"].masks] == [1, 1]


@EXAMPLES
@given(samples(), BOOLEANS)
def test_image_to_tensor(sample: dict[str, Any], segmentation: bool) -> None:
    keys = [*sample["img_fields"], *(sample["seg_fields"] if segmentation else [])]
    check_step(pipelines.ImageToTensor(keys), sample)


@EXAMPLES
@given(
    st.builds(
        pipelines.DefaultFormatBundle,
        img_to_float=BOOLEANS,
        pad_val=st.just({"img": 1, "masks": 2, "seg": 3}) | st.just({"img": 0.5, "masks": 0, "seg": 255}),
    ),
    samples(),
    st.sampled_from([{}, {"pad_shape": (1, 2, 3), "scale_factor": 2.0}, {"proposals": np.zeros((3, 4), np.float32)}]),
)
def test_default_format_bundle(transform: Any, sample: dict[str, Any], more: dict[str, Any]) -> None:
    formatted = check_step(transform, {**sample, **more})
    assert formatted is not None
    check_step(pipelines.Collect(["img", "gt_bboxes"], meta_keys=["img_norm_cfg", "scale_factor"]), formatted)


def test_formatting_a_flipped_view() -> None:
    sample = make_sample(0)
    flipped = check_step(pipelines.RandomFlip(1.0), sample)
    assert flipped is not None
    assert check_step(pipelines.DefaultFormatBundle(), flipped) is not None


@pytest.mark.parametrize("keys", [["img"], ["img", "gt_bboxes"], ["img", "nothing"]])
@pytest.mark.parametrize("metas", [("filename", "img_shape"), ("filename", "scale_factor")])
def test_collect(keys: list[str], metas: tuple[str, ...]) -> None:
    collected = check_step(pipelines.Collect(keys, metas), make_sample(0))
    assert (collected is None) == ("nothing" in keys or "scale_factor" in metas)


NORM = {"type": "Normalize", "mean": [1.0, 2, 3], "std": [4.0, 5, 6]}
VIEW = [
    {"type": "Resize", "keep_ratio": True},
    {"type": "RandomFlip"},
    NORM,
    {"type": "Pad", "size_divisor": 32},
    {"type": "ImageToTensor", "keys": ["img"]},
    {"type": "Collect", "keys": ["img"]},
]


@EXAMPLES
@given(
    st.sampled_from(
        [
            {"img_scale": (40, 60)},
            {"img_scale": [(40, 60), (100, 20)]},
            {"scale_factor": 0.5},
            {"scale_factor": [0.5, 1.5]},
        ]
    ),
    st.sampled_from([{}, {"flip": True}, {"flip": True, "flip_direction": ["horizontal", "vertical", "diagonal"]}]),
    samples(largest=100, masks=("none",), gray=False),
)
def test_multi_scale_flip_aug(scales: dict[str, Any], flips: dict[str, Any], sample: dict[str, Any]) -> None:
    check_step(pipelines.MultiScaleFlipAug(VIEW, **scales, **flips), sample)


def test_views_draw_alike_and_do_not_share_pixels() -> None:
    holes = CutOut((3, 3), ((9, 9),), with_ratio=False)
    sample = make_sample(0)
    before = sample["img"].copy()
    views = run_step(MultiScaleFlipAug((holes,), ((9, 9),), (None, "vertical")), dict(sample), Stream(1, 2, 3), 4)
    expected = run_step(holes, dict(sample), Stream(1, 2, 3), 5)
    assert views is not None and expected is not None
    for view in views["img"]:
        np.testing.assert_array_equal(view, expected["img"])
    np.testing.assert_array_equal(sample["img"], before)


def test_a_python_step_among_views_is_called() -> None:
    marked = PythonStep(lambda results: {"mark": results["img_shape"]}, "")
    step = MultiScaleFlipAug((Resize(), marked), ((30, 40),), (None, "vertical"))
    assert run_step(step, make_sample(0), Stream(0, 0, 0), 0) == {"mark": [(30, 40, 3)] * 2}
