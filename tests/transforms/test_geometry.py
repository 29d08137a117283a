"""Steps that resize, flip, pad, move and cut are MMDetection's, fed the same random numbers."""

from __future__ import annotations

from typing import Any

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
SIZES = st.tuples(st.integers(1, 250), st.integers(1, 250))
BOOLEANS = st.booleans()


@st.composite
def resizes(draw: st.DrawFn) -> Any:
    scales = draw(SIZES | st.lists(SIZES, min_size=1, max_size=3))
    one = isinstance(scales, tuple) or len(scales) == 1
    ratios = st.tuples(st.floats(0.1, 1.2), st.floats(0.8, 2)) | st.none()
    return pipelines.Resize(
        img_scale=scales,
        multiscale_mode=draw(st.sampled_from(["range", "value"])),
        ratio_range=draw(ratios) if one else None,
        keep_ratio=draw(BOOLEANS),
        bbox_clip_border=draw(BOOLEANS),
        interpolation=draw(st.sampled_from(["bilinear", "nearest"])),
        override=draw(BOOLEANS),
    )


@EXAMPLES
@given(resizes(), samples(), SEEDS)
def test_resize(transform: Any, sample: dict[str, Any], seed: int) -> None:
    resized = check_step(transform, sample, seed)
    if resized is not None and transform.override:
        check_step(transform, resized, seed)


@EXAMPLES
@given(
    st.fixed_dictionaries({"keep_ratio": BOOLEANS, "img_scale": st.just((40, 50)) | st.none()}),
    samples(largest=60),
    st.sampled_from(
        [{}, {"scale": (70, 30)}, {"scale_factor": 0.7}, {"scale_factor": 2}, {"scale": (9, 9), "scale_factor": 1.5}]
    ),
)
def test_resize_where_the_scale_is_set_before(
    arguments: dict[str, Any], sample: dict[str, Any], known: dict[str, Any]
) -> None:
    check_step(pipelines.Resize(**arguments), {**sample, **known})


def test_resizing_without_pixels_left_fails() -> None:
    assert check_step(pipelines.Resize((1, 1)), make_sample(0, height=1, width=200)) is None
    assert check_step(pipelines.Resize((0, 0), keep_ratio=False), make_sample(0)) is None


DIRECTIONS = st.sampled_from(["horizontal", "vertical", "diagonal"])


@st.composite
def flips(draw: st.DrawFn) -> Any:
    direction = draw(DIRECTIONS | st.lists(DIRECTIONS, min_size=1, max_size=3, unique=True))
    if isinstance(direction, list) and draw(BOOLEANS):
        ratio: Any = [draw(st.floats(0, 1)) / len(direction) for _ in direction]
    else:
        ratio = draw(st.floats(0, 1))
    return pipelines.RandomFlip(ratio, direction)


@EXAMPLES
@given(flips(), samples(), SEEDS)
def test_random_flip(transform: Any, sample: dict[str, Any], seed: int) -> None:
    check_step(transform, sample, seed)


@EXAMPLES
@given(
    st.sampled_from([None, 0.5]),
    st.sampled_from(
        [
            {"flip": True, "flip_direction": "vertical"},
            {"flip": False, "flip_direction": None},
            {"flip": True},
            {"flip_direction": "diagonal"},
            {"flip": True, "flip_direction": "sideways"},
            {},
        ]
    ),
    samples(largest=20),
)
def test_random_flip_where_it_is_decided_before(
    ratio: float | None, known: dict[str, Any], sample: dict[str, Any]
) -> None:
    check_step(pipelines.RandomFlip(ratio), {**sample, **known})


LEVELS = st.integers(-3, 300) | st.floats(-3, 300)
PADS = st.fixed_dictionaries(
    {"pad_val": st.fixed_dictionaries({"img": LEVELS | st.tuples(LEVELS, LEVELS, LEVELS), "masks": st.integers(0, 1)})}
).flatmap(
    lambda arguments: st.one_of(
        SIZES.map(lambda size: pipelines.Pad(size=size, **arguments)),
        st.integers(1, 64).map(lambda divisor: pipelines.Pad(size_divisor=divisor, **arguments)),
        st.just(pipelines.Pad(pad_to_square=True, **arguments)),
    )
)


@EXAMPLES
@given(PADS, samples())
def test_pad(transform: Any, sample: dict[str, Any]) -> None:
    padded = check_step(transform, sample)
    if padded is not None and transform.pad_to_square:
        # MMDetection's object remembers the last size; its step must not.
        check_step(transform, make_sample(1, height=17, width=11))


@EXAMPLES
@given(
    st.builds(
        pipelines.RandomShift,
        shift_ratio=st.floats(0, 1),
        max_shift_px=st.integers(0, 60),
        filter_thr_px=st.integers(0, 20),
    ),
    samples(masks=("none",)),
    BOOLEANS,
    SEEDS,
)
def test_random_shift(transform: Any, sample: dict[str, Any], with_boxes: bool, seed: int) -> None:
    check_step(transform, sample if with_boxes else {**sample, "bbox_fields": []}, seed)


@EXAMPLES
@given(
    st.builds(
        pipelines.CutOut,
        n_holes=st.integers(0, 4) | st.just((0, 3)),
        cutout_shape=SIZES | st.lists(SIZES, min_size=1, max_size=3),
        fill_in=st.tuples(*[st.integers(0, 255)] * 3) | st.just((0.5, 77.7, 255.0)),
    )
    | st.builds(pipelines.CutOut, n_holes=st.just(2), cutout_ratio=st.just([(0.1, 0.7), (1.0, 1.0), (0.0, 0.5)])),
    samples(),
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
        st.tuples(st.just("absolute_range"), st.tuples(EDGES, EDGES)),
        st.tuples(st.just("relative"), st.tuples(SHARES, SHARES)),
        st.tuples(st.just("relative_range"), st.tuples(SHARES, SHARES)),
    ),
    st.fixed_dictionaries(
        dict.fromkeys(("allow_negative_crop", "recompute_bbox", "bbox_clip_border"), BOOLEANS),
    ),
    samples(),
    SEEDS,
)
def test_random_crop(
    kind: tuple[str, tuple[float, float]], arguments: dict[str, Any], sample: dict[str, Any], seed: int
) -> None:
    check_step(pipelines.RandomCrop(kind[1], kind[0], **arguments), sample, seed)


@EXAMPLES
@given(
    st.builds(
        pipelines.MinIoURandomCrop,
        min_ious=st.sampled_from([(0.1, 0.3, 0.5, 0.7, 0.9), (0.4, 0.6, 0.8), (0.05,)]),
        min_crop_size=st.floats(0.05, 0.9),
        bbox_clip_border=BOOLEANS,
    ),
    samples(largest=80),
    BOOLEANS,
    SEEDS,
)
def test_min_iou_random_crop(transform: Any, sample: dict[str, Any], with_boxes: bool, seed: int) -> None:
    if not with_boxes:
        del sample["bbox_fields"]
    check_step(transform, sample, seed)


@EXAMPLES
@given(
    st.builds(
        pipelines.Expand,
        mean=st.sampled_from([(0, 0, 0), (123.675, 116.28, 103.53), [1.5, 2.5, 255.0]]),
        to_rgb=BOOLEANS,
        ratio_range=st.sampled_from([(1, 4), (1, 2), (0.5, 1.5), (3, 3)]),
        prob=st.floats(0, 1),
        seg_ignore_label=st.just(255),
    ),
    samples(largest=80),
    SEEDS,
)
def test_expand(transform: Any, sample: dict[str, Any], seed: int) -> None:
    check_step(transform, sample, seed)


FILTERS = {
    "min_bbox_size": st.floats(0, 10),
    "min_area_ratio": st.floats(0, 0.9),
    "max_aspect_ratio": st.floats(1.1, 30),
    "bbox_clip_border": BOOLEANS,
    "skip_filter": BOOLEANS,
}


@EXAMPLES
@given(
    st.builds(
        pipelines.RandomAffine,
        max_rotate_degree=st.floats(0, 180),
        max_translate_ratio=st.floats(0, 1),
        scaling_ratio_range=st.sampled_from([(0.5, 1.5), (0.1, 2), (1, 1)]),
        max_shear_degree=st.floats(0, 40),
        border=st.sampled_from([(0, 0), (-20, -20), (7, -3)]),
        border_val=st.sampled_from([(114, 114, 114), (1.5, 300, -2), 80]),
        **FILTERS,
    ),
    samples(masks=("none", "none", "none", "bitmap")),
    SEEDS,
)
def test_random_affine(transform: Any, sample: dict[str, Any], seed: int) -> None:
    check_step(transform, sample, seed)
