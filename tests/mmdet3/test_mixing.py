"""Steps that mix several samples are MMDetection 3's, fed the same random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.require import require

require("mmdet3")

from mmdet.datasets import transforms  # noqa: E402

from penstock.loading.draws import Stream  # noqa: E402
from support.oracle3 import Pool, assert_same3, check_step, make_sample3, samples3, through_both  # noqa: E402

SEEDS = st.integers(0, 2**40)
EXAMPLES = examples(80)
FRAMES = st.tuples(st.integers(8, 160), st.integers(8, 160))
BOOLEANS = st.booleans()


def of_masks(kind: Any, count: int) -> tuple[dict[str, Any], Pool]:
    """A sample with masks, and others to mix it with."""
    sample, *others = (make_sample3(seed, boxes=seed % 4, masks=kind) for seed in range(1, count + 2))
    return sample, Pool(others)


def pools(**options: Any) -> st.SearchStrategy[Pool]:
    return st.lists(samples3(masks=("none",), **options), min_size=1, max_size=4).map(Pool)


MOSAIC = {
    "img_scale": FRAMES,
    "center_ratio_range": st.sampled_from([(0.5, 1.5), (0.0, 2.0), (1, 1)]),
    "bbox_clip_border": BOOLEANS,
    "pad_val": st.sampled_from([114, 114.0, 0, 255]),
    "prob": st.sampled_from([1.0, 0.5]),
}


@EXAMPLES
@given(
    st.builds(transforms.Mosaic, **MOSAIC) | st.builds(transforms.CachedMosaic, **MOSAIC),
    samples3(masks=("none",), floating=False, gray=False),
    pools(floating=False, gray=False),
    SEEDS,
)
def test_mosaic(transform: Any, sample: dict[str, Any], pool: Pool, seed: int) -> None:
    check_step(transform, sample, seed, pool)


@EXAMPLES
@given(
    st.sampled_from(["bitmap", "polygon"]),
    st.builds(transforms.CachedMosaic, **{**MOSAIC, "img_scale": st.integers(8, 160).map(lambda edge: (edge, edge))}),
    SEEDS,
)
def test_mosaic_of_masks(kind: Any, transform: Any, seed: int) -> None:
    sample, pool = of_masks(kind, 6)
    check_step(transform, sample, seed, pool)


MIX_UP = {
    "img_scale": FRAMES,
    "ratio_range": st.sampled_from([(0.5, 1.5), (0.8, 1.6), (0.01, 0.1), (2, 2)]),
    "flip_ratio": st.sampled_from([0.0, 0.5, 1.0]),
    "pad_val": st.integers(0, 255) | st.sampled_from([114.0, 7.0]),
    "max_iters": st.integers(0, 3),
    "bbox_clip_border": BOOLEANS,
}


@EXAMPLES
@given(
    st.builds(transforms.MixUp, **MIX_UP)
    | st.builds(transforms.CachedMixUp, **{**MIX_UP, "max_iters": st.just(3)}, prob=st.sampled_from([1.0, 0.5])),
    samples3(masks=("none",), floating=False, gray=False),
    pools(floating=False, gray=False),
    SEEDS,
)
def test_mix_up(transform: Any, sample: dict[str, Any], pool: Pool, seed: int) -> None:
    check_step(transform, sample, seed, pool)


@EXAMPLES
@given(
    st.sampled_from(["bitmap", "polygon"]),
    st.builds(transforms.CachedMixUp, **{**MIX_UP, "max_iters": st.just(3)}, prob=st.sampled_from([1.0, 0.5])),
    SEEDS,
)
def test_mix_up_of_masks(kind: Any, transform: Any, seed: int) -> None:
    sample, pool = of_masks(kind, 6)
    check_step(transform, sample, seed, pool)


@EXAMPLES
@given(samples3(masks=("none",), floating=False, gray=False), pools(floating=False, gray=False), SEEDS)
def test_mix_up_with_a_colour_for_its_filling(sample: dict[str, Any], pool: Pool, seed: int) -> None:
    """RTMDet's, in a type that OpenCV can copy and cannot resize."""
    transform = transforms.CachedMixUp((90, 70), ratio_range=(1.0, 1.0), pad_val=(114, 114, 114))
    check_step(transform, sample, seed, pool)


@EXAMPLES
@given(
    st.builds(
        transforms.CopyPaste,
        max_num_pasted=st.integers(1, 8),
        bbox_occluded_thr=st.sampled_from([0, 1, 5, 20]),
        mask_occluded_thr=st.sampled_from([0, 50, 3000]),
        selected=BOOLEANS,
    ),
    st.integers(1, 60),
    st.integers(1, 60),
    st.lists(st.tuples(SEEDS, st.integers(0, 5)), min_size=3, max_size=3),
    SEEDS,
)
def test_copy_paste(transform: Any, height: int, width: int, recipes: list[tuple[int, int]], seed: int) -> None:
    sample, *others = (
        make_sample3(number, boxes=boxes, height=height, width=width, masks="bitmap") for number, boxes in recipes
    )
    ours, theirs = through_both([transform], sample, Stream(seed, 0, 0), Pool(others))
    # MMDetection multiplies images with integers and thereby changes their type, not their values.
    theirs["img"] = theirs["img"].astype(sample["img"].dtype)
    assert_same3(ours, theirs)


def test_a_mixing_recipe() -> None:
    """YOLOX's, on a pool of ordinary samples: several mixing steps one after the other."""
    recipe = [
        transforms.Mosaic((64, 64), pad_val=114.0),
        transforms.RandomAffine(scaling_ratio_range=(0.1, 2), border=(-32, -32)),
        transforms.MixUp((64, 64), ratio_range=(0.8, 1.6), pad_val=114.0),
        transforms.YOLOXHSVRandomAug(),
        transforms.RandomFlip(0.5),
        transforms.Resize((64, 64), keep_ratio=True),
        transforms.Pad(pad_to_square=True, pad_val={"img": (114.0, 114.0, 114.0)}),
        transforms.FilterAnnotations((1, 1), keep_empty=False),
    ]
    pool = Pool([make_sample3(seed, boxes=seed % 5) for seed in range(12)])
    for index in range(40):
        ours, theirs = through_both(recipe, pool[index % 12], Stream(7, 1, index), pool)
        # RandomAffine's boxes differ in the last bits.
        assert_same3(ours, theirs, close=1e-4)
        assert ours["img"].shape == (64, 64, 3) and ours["img"].dtype == np.uint8
