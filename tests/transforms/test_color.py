"""Steps that change values alone are MMDetection's, fed the same random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.require import require

require("mmdet")

from mmdet.datasets import pipelines  # noqa: E402

from support.detection_samples import make_sample, samples  # noqa: E402
from support.oracle import check_step  # noqa: E402

SEEDS = st.integers(0, 2**40)
EXAMPLES = examples()
RANGES = st.sampled_from([(0.5, 1.5), (0.0, 2.0), (1, 1)])


@EXAMPLES
@given(
    st.builds(
        pipelines.PhotoMetricDistortion,
        brightness_delta=st.integers(0, 100) | st.floats(0, 50),
        contrast_range=RANGES,
        saturation_range=RANGES,
        hue_delta=st.integers(0, 180),
    ),
    samples(largest=120),
    SEEDS,
)
def test_photo_metric_distortion(transform: Any, sample: dict[str, Any], seed: int) -> None:
    check_step(transform, sample, seed)


def test_photo_metric_distortion_of_several_images_fails() -> None:
    sample = make_sample(0)
    check_step(pipelines.PhotoMetricDistortion(), {**sample, "img_fields": ["img", "other"], "other": sample["img"]})


@EXAMPLES
@given(
    st.builds(
        pipelines.YOLOXHSVRandomAug,
        hue_delta=st.integers(0, 180),
        saturation_delta=st.floats(0, 255),
        value_delta=st.integers(0, 255),
    ),
    samples(largest=120),
    SEEDS,
)
def test_hsv_random_aug(transform: Any, sample: dict[str, Any], seed: int) -> None:
    check_step(transform, sample, seed)


def test_hsv_random_aug_of_a_flipped_image_works() -> None:
    """MMDetection's fails there, since OpenCV cannot write into the view that a flip gives."""
    sample = make_sample(0)
    plain = {**sample, "img": np.ascontiguousarray(sample["img"][:, ::-1])}
    expected = check_step(pipelines.YOLOXHSVRandomAug(), plain, seed=3)
    assert expected is not None
    from penstock.detection.reference import run_step
    from penstock.integrations.mmdet.pipeline.lowering import WRAPPERS, lower
    from penstock.loading.draws import Stream

    (step,) = lower([pipelines.YOLOXHSVRandomAug()])
    actual = run_step(step, {**sample, "img": sample["img"][:, ::-1]}, Stream(3, 1, 2), 5, None, WRAPPERS)
    np.testing.assert_array_equal(actual["img"], expected["img"])


LEVEL = st.floats(1, 200)


@EXAMPLES
@given(
    st.integers(1, 3).flatmap(
        lambda channels: st.tuples(
            st.lists(LEVEL, min_size=channels, max_size=channels), st.lists(LEVEL, min_size=channels, max_size=channels)
        )
    ),
    st.booleans(),
    samples(),
)
def test_normalize(levels: tuple[list[float], list[float]], to_rgb: bool, sample: dict[str, Any]) -> None:
    if len(levels[0]) != 2:
        check_step(pipelines.Normalize(*levels, to_rgb=to_rgb), sample)


@pytest.mark.parametrize("image", [np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5), np.uint8)], ids=["color", "gray"])
def test_normalize_of_a_flipped_view(image: Any) -> None:
    channels = 3 if image.ndim == 3 else 1
    sample = {"img": image[:, ::-1]}
    assert check_step(pipelines.Normalize([1.5] * channels, [2.5] * channels, to_rgb=False), sample) is not None


@EXAMPLES
@given(
    st.builds(
        pipelines.FilterAnnotations,
        min_gt_bbox_wh=st.tuples(st.floats(0, 60), st.floats(0, 60)),
        min_gt_mask_area=st.integers(0, 500),
        by_box=st.just(True),
        by_mask=st.booleans(),
        keep_empty=st.booleans(),
    )
    | st.builds(pipelines.FilterAnnotations, by_box=st.just(False), by_mask=st.just(True)),
    samples(largest=80),
)
def test_filter_annotations(transform: Any, sample: dict[str, Any]) -> None:
    check_step(transform, sample)


def test_filter_annotations_without_annotations_fails() -> None:
    assert check_step(pipelines.FilterAnnotations(), {"img": np.zeros((3, 3, 3))}) is None
