"""Random MMDetection 3 pipelines, for Hypothesis, and the recipes of known models in small."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = ["RECIPES", "pipelines", "steps"]

Config = dict[str, Any]

_sizes = st.integers(8, 90)
_pairs = st.tuples(_sizes, _sizes)
_shares = st.floats(0, 1)
_colors = st.tuples(*[st.integers(0, 255)] * 3)
_META_KEYS = (
    *("img_id", "img_path", "ori_shape", "img_shape", "scale_factor", "flip", "flip_direction"),
    *("pad_shape", "scale", "keep_ratio", "scale_idx"),
)
_LOAD = [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations", "with_bbox": True}]
_PACK = {"type": "PackDetInputs"}


def _ordered(low: float, high: float) -> st.SearchStrategy[tuple[float, float]]:
    return st.tuples(st.floats(low, high), st.floats(low, high)).map(lambda pair: (min(pair), max(pair)))


@st.composite
def _how(draw: Any) -> Config:
    return {
        "keep_ratio": draw(st.booleans()),
        "clip_object_border": draw(st.booleans()),
        "interpolation": draw(st.sampled_from(["bilinear", "bilinear", "nearest"])),
    }


@st.composite
def _resize(draw: Any) -> Config:
    if draw(st.booleans()):
        return {"type": "Resize", "scale": draw(_pairs), **draw(_how())}
    factor = draw(st.floats(0.4, 1.5) | st.tuples(st.floats(0.4, 1.5), st.floats(0.4, 1.5)))
    return {"type": "Resize", "scale_factor": factor, **draw(_how())}


@st.composite
def _random_resize(draw: Any) -> Config:
    if draw(st.booleans()):
        scales: Config = {"scale": draw(_pairs), "ratio_range": draw(_ordered(0.3, 2))}
    else:
        scales = {"scale": draw(st.lists(_pairs, min_size=2, max_size=2))}
    return {"type": "RandomResize", **scales, **draw(_how())}


@st.composite
def _choice_resize(draw: Any) -> Config:
    scales = draw(st.lists(_pairs, min_size=1, max_size=4))
    return {"type": "RandomChoiceResize", "scales": scales, **draw(_how())}


@st.composite
def _flip(draw: Any) -> Config:
    directions = draw(
        st.lists(st.sampled_from(["horizontal", "vertical", "diagonal"]), min_size=1, max_size=3, unique=True)
    )
    if draw(st.booleans()):
        return {"type": "RandomFlip", "prob": draw(_shares), "direction": directions}
    return {"type": "RandomFlip", "prob": [draw(st.floats(0, 1 / len(directions)))] * len(directions)} | {
        "direction": directions
    }


@st.composite
def _pad(draw: Any) -> Config:
    value = draw(st.integers(0, 255) | st.fixed_dictionaries({"img": st.one_of(st.floats(0, 255), _colors)}))
    how = draw(
        st.sampled_from(
            [
                {"size": draw(st.tuples(st.integers(90, 140), st.integers(90, 140)))},
                {"size_divisor": draw(st.integers(1, 40))},
                {"pad_to_square": True},
                {"pad_to_square": True, "size_divisor": 32},
            ]
        )
    )
    return {"type": "Pad", **how, "pad_val": value}


@st.composite
def _crop(draw: Any) -> Config:
    kind = draw(st.sampled_from(["absolute", "absolute_range", "relative", "relative_range"]))
    if kind.startswith("relative"):
        size: Any = draw(st.tuples(st.floats(0.2, 1), st.floats(0.2, 1)))
    else:
        size = tuple(sorted(draw(_pairs))) if kind == "absolute_range" else draw(_pairs)
    arguments = {"allow_negative_crop": draw(st.booleans()), "bbox_clip_border": draw(st.booleans())}
    return {"type": "RandomCrop", "crop_size": size, "crop_type": kind, **arguments}


@st.composite
def _cut_out(draw: Any) -> Config:
    config: Config = {"type": "CutOut", "n_holes": draw(st.one_of(st.integers(0, 3), st.just((1, 4))))}
    if draw(st.booleans()):
        shape = st.tuples(st.integers(0, 30), st.integers(0, 30))
        config["cutout_shape"] = draw(st.lists(shape, min_size=1, max_size=3))
    else:
        config["cutout_ratio"] = draw(st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)))
    return {**config, "fill_in": draw(_colors)}


_expand = st.fixed_dictionaries(
    {
        "type": st.just("Expand"),
        "mean": st.one_of(st.just((7, 7, 7)), st.lists(st.floats(0, 255), min_size=3, max_size=3)),
        "to_rgb": st.booleans(),
        "ratio_range": _ordered(1, 3),
        "prob": _shares,
    }
)
_min_iou_crop = st.fixed_dictionaries(
    {
        "type": st.just("MinIoURandomCrop"),
        "min_ious": st.lists(_shares, min_size=1, max_size=4).map(tuple),
        "min_crop_size": st.floats(0.2, 0.8),
        "bbox_clip_border": st.booleans(),
    }
)
_shift = st.fixed_dictionaries(
    {
        "type": st.just("RandomShift"),
        "prob": _shares,
        "max_shift_px": st.integers(1, 8),
        "filter_thr_px": st.integers(0, 10),
    }
)
_affine = st.fixed_dictionaries(
    {
        "type": st.just("RandomAffine"),
        "max_rotate_degree": st.floats(0, 40),
        "border": st.sampled_from([(0, 0), (-4, -6), (5, 0)]),
        "border_val": _colors,
        "bbox_clip_border": st.booleans(),
    }
)
_mosaic = st.fixed_dictionaries(
    {
        "type": st.just("CachedMosaic"),
        "img_scale": _pairs,
        "prob": st.sampled_from([1.0, 1.0, 0.5]),
        "max_cached_images": st.integers(4, 30),
        "random_pop": st.booleans(),
    }
)
_mix_up = st.fixed_dictionaries(
    {
        "type": st.just("CachedMixUp"),
        "img_scale": _pairs,
        "pad_val": st.sampled_from([114, 114.0]),
        "prob": st.sampled_from([1.0, 0.5]),
        "max_cached_images": st.integers(2, 30),
        "random_pop": st.booleans(),
    }
)
_filter = st.builds(
    lambda size, keep: {"type": "FilterAnnotations", "min_gt_bbox_wh": (size, size), "keep_empty": keep},
    st.integers(0, 12),
    st.booleans(),
)


@st.composite
def _choice(draw: Any) -> Config:
    alone = st.one_of(_resize(), _flip(), _crop(), _choice_resize(), _random_resize())
    choices = draw(st.lists(st.lists(alone, max_size=3), min_size=1, max_size=3))
    return {"type": "RandomChoice", "transforms": choices}


#: Each of the native steps, by itself.
steps: dict[str, st.SearchStrategy[Config]] = {
    "Resize": _resize(),
    "RandomResize": _random_resize(),
    "RandomChoiceResize": _choice_resize(),
    "RandomFlip": _flip(),
    "Pad": _pad(),
    "RandomCrop": _crop(),
    "RandomChoice": _choice(),
    "CutOut": _cut_out(),
    "PhotoMetricDistortion": st.just({"type": "PhotoMetricDistortion"}),
    "YOLOXHSVRandomAug": st.just({"type": "YOLOXHSVRandomAug"}),
    "Expand": _expand,
    "MinIoURandomCrop": _min_iou_crop,
    "RandomShift": _shift,
    "RandomAffine": _affine,
    "CachedMosaic": _mosaic,
    "CachedMixUp": _mix_up,
    "FilterAnnotations": _filter,
}


@st.composite
def pipelines(draw: Any, first: str | None = None) -> list[Config]:
    """A pipeline of up to five random steps; the first one as named."""
    names = draw(st.lists(st.sampled_from(sorted(steps)), min_size=0 if first else 1, max_size=4))
    chosen: list[Config] = []
    for name in [first, *names] if first else names:
        # Parts of parts are many: with two steps that mix there are 16 images to a sample.
        if name.startswith("Cached") and sum(step["type"].startswith("Cached") for step in chosen) == 2:
            continue
        chosen.append(draw(steps[name]))
    return [
        {"type": "LoadImageFromFile", "to_float32": draw(st.booleans())},
        {"type": "LoadAnnotations", "with_bbox": True},
        *chosen,
        {"type": "PackDetInputs", "meta_keys": _META_KEYS},
    ]


_HSV = {"type": "YOLOXHSVRandomAug"}
_FLIP = {"type": "RandomFlip", "prob": 0.5}
_RANGE = {"type": "RandomCrop", "crop_type": "absolute_range", "crop_size": (38, 60), "allow_negative_crop": True}
_DETR_SCALES = [(48, 133), (51, 133), (54, 133), (60, 133), (70, 133)]
_DETR_CHOICE = {
    "type": "RandomChoice",
    "transforms": [
        [{"type": "RandomChoiceResize", "scales": _DETR_SCALES, "keep_ratio": True}],
        [
            {"type": "RandomChoiceResize", "scales": [(40, 420), (50, 420), (60, 420)], "keep_ratio": True},
            _RANGE,
            {"type": "RandomChoiceResize", "scales": _DETR_SCALES, "keep_ratio": True},
        ],
    ],
}
_WITH_MASKS = {"type": "LoadAnnotations", "with_bbox": True, "with_mask": True}

#: What the configurations of known models have, in small; those of "mix" are of MultiImageMixDataset.
RECIPES: dict[str, list[Config]] = {
    "faster_rcnn": [*_LOAD, {"type": "Resize", "scale": (133, 80), "keep_ratio": True}, _FLIP, _PACK],
    "rtmdet": [
        *_LOAD,
        {"type": "CachedMosaic", "img_scale": (64, 64), "pad_val": 114.0, "max_cached_images": 20, "random_pop": False},
        {"type": "RandomResize", "scale": (128, 128), "ratio_range": (0.5, 2.0), "keep_ratio": True},
        {"type": "RandomCrop", "crop_size": (64, 64)},
        _HSV,
        _FLIP,
        {"type": "Pad", "size": (64, 64), "pad_val": {"img": (114, 114, 114)}},
        {
            "type": "CachedMixUp", "img_scale": (64, 64), "ratio_range": (1.0, 1.0), "max_cached_images": 10,
            "random_pop": False, "pad_val": (114, 114, 114), "prob": 0.5,
        },
        _PACK,
    ],
    "crops that reject what is mixed in": [
        *_LOAD,
        {"type": "CachedMosaic", "img_scale": (40, 40), "prob": 0.5},
        {"type": "RandomCrop", "crop_size": (14, 14)},
        {"type": "CachedMixUp", "img_scale": (40, 40), "pad_val": 114, "prob": 0.8},
        {"type": "RandomCrop", "crop_size": (9, 9)},
        _PACK,
    ],
    "rtmdet stage 2": [
        *_LOAD,
        {"type": "RandomResize", "scale": (64, 64), "ratio_range": (0.5, 2.0), "keep_ratio": True},
        {"type": "RandomCrop", "crop_size": (64, 64)},
        _HSV,
        _FLIP,
        {"type": "Pad", "size": (64, 64), "pad_val": {"img": (114, 114, 114)}},
        _PACK,
    ],
    "detr": [*_LOAD, _FLIP, _DETR_CHOICE, _PACK],
    "ssd": [
        *_LOAD,
        {"type": "Expand", "mean": [123.675, 116.28, 103.53], "to_rgb": True, "ratio_range": (1, 4)},
        {"type": "MinIoURandomCrop", "min_ious": (0.1, 0.3, 0.5, 0.7, 0.9), "min_crop_size": 0.3},
        {"type": "Resize", "scale": (60, 60), "keep_ratio": False},
        _FLIP,
        {"type": "PhotoMetricDistortion"},
        _PACK,
    ],
    "test": [
        {"type": "LoadImageFromFile"},
        {"type": "Resize", "scale": (133, 80), "keep_ratio": True},
        {"type": "LoadAnnotations", "with_bbox": True},
        {"type": "PackDetInputs", "meta_keys": ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")},
    ],
    "test-time augmentation": [
        {"type": "LoadImageFromFile"},
        {
            "type": "TestTimeAug",
            "transforms": [
                [{"type": "Resize", "scale": (s, s), "keep_ratio": True} for s in (64, 32, 96)],
                [{"type": "RandomFlip", "prob": 1.0}, {"type": "RandomFlip", "prob": 0.0}],
                [{"type": "Pad", "size": (96, 96), "pad_val": {"img": (114, 114, 114)}}],
                [{"type": "LoadAnnotations", "with_bbox": True}],
                [
                    {
                        "type": "PackDetInputs",
                        "meta_keys": ("img_id", "ori_shape", "img_shape", "scale_factor", "flip", "flip_direction"),
                    }
                ],
            ],
        },
    ],
    "mask_rcnn": [
        _LOAD[0], _WITH_MASKS, {"type": "Resize", "scale": (133, 80), "keep_ratio": True}, _FLIP, _PACK,
    ],
    "mask_rcnn with polygons": [
        _LOAD[0], {**_WITH_MASKS, "poly2mask": False}, {"type": "Resize", "scale": (133, 80), "keep_ratio": True},
        _FLIP, _PACK,
    ],
    "cached steps with masks": [
        _LOAD[0],
        {**_WITH_MASKS, "poly2mask": False},
        {"type": "CachedMosaic", "img_scale": (64, 64), "pad_val": 114.0},
        {"type": "RandomResize", "scale": (128, 128), "ratio_range": (0.5, 2.0), "keep_ratio": True},
        _HSV,
        _FLIP,
        {"type": "Pad", "size": (256, 256), "pad_val": {"img": (114, 114, 114)}},
        {"type": "CachedMixUp", "img_scale": (256, 256), "ratio_range": (1.0, 1.0), "pad_val": (114, 114, 114)},
        _PACK,
    ],
    "copy_paste mix": [
        _LOAD[0],
        _WITH_MASKS,
        {"type": "RandomResize", "scale": (100, 100), "ratio_range": (0.5, 1.5), "keep_ratio": True},
        {"type": "RandomCrop", "crop_size": (64, 64), "allow_negative_crop": True},
        {"type": "Pad", "size": (64, 64)},
        {"type": "CopyPaste", "max_num_pasted": 5},
        _FLIP,
        _PACK,
    ],
    "yolox mix": [
        *_LOAD,
        {"type": "Mosaic", "img_scale": (64, 64), "pad_val": 114.0},
        {"type": "RandomAffine", "scaling_ratio_range": (0.5, 1.5), "border": (-32, -32)},
        {"type": "MixUp", "img_scale": (64, 64), "ratio_range": (0.8, 1.6), "pad_val": 114.0},
        _HSV,
        _FLIP,
        {"type": "Resize", "scale": (64, 64), "keep_ratio": True},
        {"type": "Pad", "pad_to_square": True, "pad_val": {"img": (114.0, 114.0, 114.0)}},
        {"type": "FilterAnnotations", "min_gt_bbox_wh": (1, 1), "keep_empty": False},
        _PACK,
    ],
}
