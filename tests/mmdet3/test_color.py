"""Steps that change colours are MMDetection 3's, fed the same random numbers."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.require import require

require("mmdet3")

from mmdet.datasets import transforms  # noqa: E402

from support.oracle3 import check_step, samples3  # noqa: E402

SEEDS = st.integers(0, 2**40)
EXAMPLES = examples()


@EXAMPLES
@given(
    st.builds(
        transforms.PhotoMetricDistortion,
        brightness_delta=st.sampled_from([32, 0, 200]),
        contrast_range=st.sampled_from([(0.5, 1.5), (1, 3)]),
        saturation_range=st.sampled_from([(0.5, 1.5), (1, 4), (0, 0.5)]),
        hue_delta=st.sampled_from([18, 0, 360]),
    ),
    samples3(largest=60),
    SEEDS,
)
def test_photo_metric_distortion(transform: Any, sample: dict[str, Any], seed: int) -> None:
    check_step(transform, sample, seed)


@EXAMPLES
@given(
    st.builds(
        transforms.YOLOXHSVRandomAug,
        hue_delta=st.sampled_from([5, 0, 200]),
        saturation_delta=st.sampled_from([30, 300]),
        value_delta=st.sampled_from([30, 300]),
    ),
    samples3(largest=60, floating=False),
    SEEDS,
)
def test_hsv_random_aug(transform: Any, sample: dict[str, Any], seed: int) -> None:
    check_step(transform, sample, seed)
