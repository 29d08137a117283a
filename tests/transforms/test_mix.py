"""Steps that mix several samples are MMDetection's, fed the same random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import TransformError
from support.examples import examples
from support.require import require

require("mmdet")

from mmdet.datasets import pipelines  # noqa: E402

from penstock.detection.reference import partner_indices  # noqa: E402
from penstock.detection.steps import MixUp, Mosaic  # noqa: E402
from penstock.loading.draws import Stream  # noqa: E402
from support.detection_samples import make_sample, samples  # noqa: E402
from support.oracle import Pool, assert_same, check_step, through_both  # noqa: E402

SEEDS = st.integers(0, 2**40)
EXAMPLES = examples(80)
FRAMES = st.tuples(st.integers(8, 160), st.integers(8, 160))
BOOLEANS = st.booleans()


def pools(**options: Any) -> st.SearchStrategy[Pool]:
    return st.lists(samples(masks=("none",), **options), min_size=1, max_size=4).map(Pool)


@EXAMPLES
@given(
    st.builds(
        pipelines.Mosaic,
        img_scale=FRAMES,
        center_ratio_range=st.sampled_from([(0.5, 1.5), (0.0, 2.0), (1, 1)]),
        min_bbox_size=st.floats(0, 20),
        bbox_clip_border=BOOLEANS,
        skip_filter=BOOLEANS,
        pad_val=st.sampled_from([114, 114.0, 0, 255]),
        prob=st.sampled_from([1.0, 0.5]),
    ),
    samples(masks=("none",), floating=False),
    pools(floating=False),
    SEEDS,
)
def test_mosaic(transform: Any, sample: dict[str, Any], pool: Pool, seed: int) -> None:
    check_step(transform, sample, seed, pool)


@pytest.mark.parametrize("kind", [{"gray": True}, {"floating": True}], ids=str)
def test_mosaic_of_one_kind_of_images(kind: dict[str, bool]) -> None:
    pool = Pool([make_sample(seed, **kind) for seed in range(1, 9)])
    for seed in range(8):
        assert check_step(pipelines.Mosaic((50, 40)), make_sample(0, **kind), seed, pool) is not None


@EXAMPLES
@given(
    st.builds(
        pipelines.MixUp,
        img_scale=FRAMES,
        ratio_range=st.sampled_from([(0.5, 1.5), (0.8, 1.6), (0.01, 0.1), (2, 2)]),
        flip_ratio=st.sampled_from([0.0, 0.5, 1.0]),
        pad_val=st.integers(0, 255) | st.sampled_from([114.0, 7.0]),
        max_iters=st.integers(0, 3),
        min_bbox_size=st.floats(0, 10),
        min_area_ratio=st.floats(0, 0.9),
        max_aspect_ratio=st.floats(1.1, 30),
        bbox_clip_border=BOOLEANS,
        skip_filter=BOOLEANS,
    ),
    samples(masks=("none",), gray=False),
    pools(gray=False),
    SEEDS,
)
def test_mix_up(transform: Any, sample: dict[str, Any], pool: Pool, seed: int) -> None:
    check_step(transform, sample, seed, pool)


def test_mix_up_refuses_gray_images() -> None:
    """MMDetection does, too, unless they are so small that numpy spreads their rows over the channels."""
    for gray_first in (True, False):
        sample, partner = make_sample(0, gray=gray_first), make_sample(1, gray=not gray_first)
        assert check_step(pipelines.MixUp((50, 40)), sample, pool=Pool([partner])) is None


def test_mix_up_looks_for_a_partner_with_boxes() -> None:
    pool = Pool([make_sample(1, boxes=0), make_sample(2, boxes=2)])
    step = MixUp(max_iters=15)
    for index in range(50):
        assert partner_indices(step, Stream(0, 0, index).step(0), 2, pool.count_boxes) == [1]
        assert check_step(pipelines.MixUp((90, 90)), make_sample(0), index, pool) is not None


def test_a_dataset_without_samples_has_no_partners() -> None:
    with pytest.raises(TransformError, match="Mosaic: the dataset has no samples"):
        partner_indices(Mosaic(), Stream(0, 0, 0).step(0), 0, len)


def as_mmdet_pastes(pasted: Any, image: Any) -> Any:
    """MMDetection multiplies images with integers and thereby changes their type, not their values."""
    if pasted is not None:
        pasted["img"] = pasted["img"].astype(image.dtype)
    return pasted


@EXAMPLES
@given(
    st.builds(
        pipelines.CopyPaste,
        max_num_pasted=st.integers(1, 8),
        bbox_occluded_thr=st.sampled_from([0, 1, 5, 20]),
        mask_occluded_thr=st.sampled_from([0, 50, 3000]),
        selected=BOOLEANS,
    ),
    st.integers(1, 60),
    st.integers(1, 60),
    st.lists(st.tuples(SEEDS, st.integers(0, 5), st.sampled_from(["none", "bitmap"])), min_size=3, max_size=3),
    SEEDS,
)
def test_copy_paste(transform: Any, height: int, width: int, recipes: list[tuple[int, int, Any]], seed: int) -> None:
    sample, *others = (
        make_sample(number, boxes=boxes, height=height, width=width, masks=masks) for number, boxes, masks in recipes
    )
    if "gt_masks" in sample and seed % 2:
        # Boxes that fit, which whole numbers of pixels are taken off from.
        sample["gt_bboxes"] = sample["gt_masks"].get_bboxes()
    ours, theirs = through_both([transform], sample, Stream(seed, 0, 0), Pool(others))
    assert ours["img"].dtype == sample["img"].dtype
    assert_same(ours, as_mmdet_pastes(theirs, sample["img"]))


def test_copy_paste_refuses_what_does_not_fit() -> None:
    polygons, bitmaps = (make_sample(0, masks=masks) for masks in ("polygon", "bitmap"))
    smaller = make_sample(1, masks="bitmap", height=59)
    transform = pipelines.CopyPaste(selected=False)
    assert check_step(transform, polygons, pool=Pool([bitmaps])) is None
    assert check_step(transform, bitmaps, pool=Pool([smaller])) is None
    assert check_step(pipelines.CopyPaste(max_num_pasted=0), bitmaps, pool=Pool([bitmaps])) is None


def test_a_mixing_recipe() -> None:
    """YOLOX's, on a pool of ordinary samples: several mixing steps one after the other."""
    transforms = [
        pipelines.Mosaic((64, 64), pad_val=114),
        pipelines.RandomAffine(scaling_ratio_range=(0.1, 2), border=(-32, -32)),
        pipelines.MixUp((64, 64), ratio_range=(0.8, 1.6), pad_val=114),
        pipelines.YOLOXHSVRandomAug(),
        pipelines.RandomFlip(0.5),
        pipelines.Resize((64, 64)),
        pipelines.Pad(pad_to_square=True, pad_val={"img": (114.0, 114.0, 114.0)}),
        pipelines.FilterAnnotations((1, 1), keep_empty=False),
    ]
    pool = Pool([make_sample(seed, boxes=seed % 5) for seed in range(12)])
    for index in range(40):
        ours, theirs = through_both(transforms, pool.sample(index % 12), Stream(7, 1, index), pool)
        assert_same(ours, theirs)
        assert ours["img"].shape == (64, 64, 3) and ours["img"].dtype == np.uint8
