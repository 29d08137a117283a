"""Steps that resize, flip, pad, move and cut are MMDetection 3's, fed the same random numbers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.require import require

require("mmdet3")

from mmcv.transforms import RandomChoice, RandomChoiceResize, RandomResize  # noqa: E402
from mmdet.datasets import transforms  # noqa: E402
from mmdet.registry import TRANSFORMS  # noqa: E402
from mmdet.utils import register_all_modules  # noqa: E402

from support.oracle3 import check_step, make_sample3, samples3  # noqa: E402

SEEDS = st.integers(0, 2**40)
EXAMPLES = examples()
SIZES = st.tuples(st.integers(1, 250), st.integers(1, 250))
BOOLEANS = st.booleans()
HOW = st.fixed_dictionaries(
    {
        "keep_ratio": BOOLEANS,
        "clip_object_border": BOOLEANS,
        "interpolation": st.sampled_from(["bilinear", "nearest"]),
    }
)


@pytest.fixture(autouse=True)
def _mmdets_own_resize() -> None:
    """RandomResize looks for "Resize" in the registry of the scope."""
    register_all_modules(init_default_scope=True)


@EXAMPLES
@given(SIZES, HOW, samples3())
def test_resize_to_a_scale(scale: tuple[int, int], how: dict[str, Any], sample: dict[str, Any]) -> None:
    resized = check_step(transforms.Resize(scale=scale, **how), sample)
    if resized is not None:
        check_step(transforms.Resize(scale=scale[::-1], **how), resized)


@EXAMPLES
@given(st.floats(0.05, 2) | st.tuples(st.floats(0.05, 2), st.floats(0.05, 2)), HOW, samples3())
def test_resize_by_a_factor(factor: Any, how: dict[str, Any], sample: dict[str, Any]) -> None:
    check_step(transforms.Resize(scale_factor=factor, **how), sample)


@EXAMPLES
@given(SIZES | st.lists(SIZES, min_size=2, max_size=2), st.floats(0.1, 1), HOW, samples3(), SEEDS)
def test_random_resize(scale: Any, low: float, how: dict[str, Any], sample: dict[str, Any], seed: int) -> None:
    ratios = (low, low + 1) if isinstance(scale, tuple) else None
    check_step(RandomResize(scale=scale, ratio_range=ratios, **how), sample, seed)


@EXAMPLES
@given(st.lists(SIZES, min_size=1, max_size=4), HOW, samples3(), SEEDS)
def test_random_choice_resize(scales: Any, how: dict[str, Any], sample: dict[str, Any], seed: int) -> None:
    check_step(RandomChoiceResize(scales=scales, **how), sample, seed)


DIRECTIONS = st.sampled_from(["horizontal", "vertical", "diagonal"])


@st.composite
def flips(draw: st.DrawFn) -> Any:
    direction = draw(DIRECTIONS | st.lists(DIRECTIONS, min_size=1, max_size=3, unique=True))
    if isinstance(direction, list) and draw(BOOLEANS):
        prob: Any = [draw(st.floats(0, 1)) / len(direction) for _ in direction]
    else:
        prob = draw(st.floats(0, 1))
    return transforms.RandomFlip(prob, direction)


@EXAMPLES
@given(flips(), samples3(), SEEDS)
def test_random_flip(transform: Any, sample: dict[str, Any], seed: int) -> None:
    flipped = check_step(transform, sample, seed)
    if flipped is not None:
        check_step(transform, flipped, seed + 1)


LEVELS = st.integers(-3, 300) | st.floats(-3, 300)


@st.composite
def pads(draw: st.DrawFn) -> Any:
    value: Any = draw(st.integers(0, 255) | st.none())
    if value is None:
        value = {"img": draw(LEVELS | st.tuples(LEVELS, LEVELS, LEVELS)), "masks": draw(st.integers(0, 1))}
    divisor = draw(st.integers(1, 64))
    how = draw(
        st.sampled_from(
            [
                {"size": draw(SIZES)},
                {"size_divisor": divisor},
                {"pad_to_square": True},
                {"pad_to_square": True, "size_divisor": divisor},
            ]
        )
    )
    return transforms.Pad(**how, pad_val=value)


@EXAMPLES
@given(pads(), samples3())
def test_pad(transform: Any, sample: dict[str, Any]) -> None:
    check_step(transform, sample)


@EXAMPLES
@given(
    st.builds(
        transforms.RandomShift, prob=st.floats(0, 1), max_shift_px=st.integers(0, 60), filter_thr_px=st.integers(0, 20)
    ),
    samples3(masks=("none",)),
    SEEDS,
)
def test_random_shift(transform: Any, sample: dict[str, Any], seed: int) -> None:
    check_step(transform, sample, seed)


@EXAMPLES
@given(
    st.builds(
        transforms.CutOut,
        n_holes=st.integers(0, 4) | st.just((0, 3)),
        cutout_shape=SIZES | st.lists(SIZES, min_size=1, max_size=3),
        fill_in=st.tuples(*[st.integers(0, 255)] * 3) | st.just((0.5, 77.7, 255.0)),
    )
    | st.builds(transforms.CutOut, n_holes=st.just(2), cutout_ratio=st.just([(0.1, 0.7), (1.0, 1.0), (0.0, 0.5)])),
    samples3(),
    SEEDS,
)
def test_cut_out(transform: Any, sample: dict[str, Any], seed: int) -> None:
    check_step(transform, sample, seed)


EDGES = st.integers(1, 200)
SHARES = st.floats(0.01, 1)


@EXAMPLES
@given(
    st.one_of(
        st.tuples(st.just("absolute"), st.tuples(EDGES, EDGES)),
        st.tuples(st.just("absolute_range"), st.tuples(EDGES, EDGES).map(lambda pair: tuple(sorted(pair)))),
        st.tuples(st.just("relative"), st.tuples(SHARES, SHARES)),
        st.tuples(st.just("relative_range"), st.tuples(SHARES, SHARES)),
    ),
    st.fixed_dictionaries(dict.fromkeys(("allow_negative_crop", "recompute_bbox", "bbox_clip_border"), BOOLEANS)),
    samples3(),
    SEEDS,
)
def test_random_crop(kind: tuple[str, Any], arguments: dict[str, Any], sample: dict[str, Any], seed: int) -> None:
    check_step(transforms.RandomCrop(kind[1], kind[0], **arguments), sample, seed)


@EXAMPLES
@given(
    st.builds(
        transforms.MinIoURandomCrop,
        min_ious=st.sampled_from([(0.1, 0.3, 0.5, 0.7, 0.9), (0.4, 0.6, 0.8), (0.05,)]),
        min_crop_size=st.floats(0.05, 0.9),
        bbox_clip_border=BOOLEANS,
    ),
    samples3(largest=80),
    SEEDS,
)
def test_min_iou_random_crop(transform: Any, sample: dict[str, Any], seed: int) -> None:
    check_step(transform, sample, seed)


@EXAMPLES
@given(
    st.builds(
        transforms.Expand,
        mean=st.sampled_from([(0, 0, 0), (123.675, 116.28, 103.53), [1.5, 2.5, 255.0]]),
        to_rgb=BOOLEANS,
        ratio_range=st.sampled_from([(1, 4), (1, 2), (0.5, 1.5), (3, 3)]),
        prob=st.floats(0, 1),
        seg_ignore_label=st.just(255),
    ),
    samples3(largest=80),
    SEEDS,
)
def test_expand(transform: Any, sample: dict[str, Any], seed: int) -> None:
    check_step(transform, sample, seed)


@EXAMPLES
@given(
    st.builds(
        transforms.RandomAffine,
        max_rotate_degree=st.floats(0, 180),
        max_translate_ratio=st.floats(0, 1),
        scaling_ratio_range=st.sampled_from([(0.5, 1.5), (0.1, 2), (1, 1)]),
        max_shear_degree=st.floats(0, 40),
        border=st.sampled_from([(0, 0), (-20, -20), (7, -3)]),
        border_val=st.sampled_from([(114, 114, 114), (1.5, 300, -2), 80]),
        bbox_clip_border=BOOLEANS,
    ),
    samples3(masks=("none", "none", "none", "bitmap")),
    SEEDS,
)
def test_random_affine(transform: Any, sample: dict[str, Any], seed: int) -> None:
    """torch multiplies matrices with operations that round once for two, numpy and the core do not."""
    check_step(transform, sample, seed, close=1e-4)


@EXAMPLES
@given(
    st.builds(
        transforms.FilterAnnotations,
        min_gt_bbox_wh=st.tuples(st.integers(0, 60), st.integers(0, 60)),
        min_gt_mask_area=st.sampled_from([1, 30, 4000]),
        by_box=st.just(True),
        by_mask=BOOLEANS,
        keep_empty=BOOLEANS,
    ),
    samples3(masks=("bitmap", "polygon")),
)
def test_filter_annotations(transform: Any, sample: dict[str, Any]) -> None:
    check_step(transform, sample)


DETR = {
    "transforms": [
        [{"type": "RandomChoiceResize", "scales": [(48, 133), (60, 133), (80, 133)], "keep_ratio": True}],
        [
            {"type": "RandomChoiceResize", "scales": [(40, 420), (50, 420), (60, 420)], "keep_ratio": True},
            {"type": "RandomCrop", "crop_type": "absolute_range", "crop_size": (38, 60), "allow_negative_crop": True},
            {"type": "RandomChoiceResize", "scales": [(48, 133), (60, 133), (80, 133)], "keep_ratio": True},
        ],
    ]
}


@EXAMPLES
@given(st.sampled_from([None, [0.25, 0.75], [1.0, 0.0]]), samples3(), SEEDS)
def test_random_choice(prob: Any, sample: dict[str, Any], seed: int) -> None:
    transform = TRANSFORMS.build({"type": "RandomChoice", **DETR, "prob": prob})
    assert type(transform) is RandomChoice
    check_step(transform, sample, seed)


def test_a_sample_that_is_rejected_within_a_choice_is_rejected() -> None:
    crop = {"type": "RandomCrop", "crop_size": (1, 1)}
    transform = RandomChoice([[transforms.RandomFlip(0.5), TRANSFORMS.build(crop)]])
    outcomes = [check_step(transform, make_sample3(1, boxes=1), seed) for seed in range(8)]
    assert None in outcomes
