"""Random MMDetection pipelines, for Hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = ["pipelines", "steps"]

Config = dict[str, Any]

_sizes = st.integers(8, 90)
_pairs = st.tuples(_sizes, _sizes)
_shares = st.floats(0, 1)
_colors = st.tuples(*[st.integers(0, 255)] * 3)
_META_KEYS = ("filename", "ori_filename", "ori_shape", "img_shape", "pad_shape", "scale_factor", "img_norm_cfg")


def _ordered(low: float, high: float) -> st.SearchStrategy[tuple[float, float]]:
    return st.tuples(st.floats(low, high), st.floats(low, high)).map(lambda pair: (min(pair), max(pair)))


@st.composite
def _resize(draw: Any) -> Config:
    mode = draw(st.sampled_from(["one", "range", "value", "ratio"]))
    config: Config = {
        "type": "Resize",
        "keep_ratio": draw(st.booleans()),
        "bbox_clip_border": draw(st.booleans()),
        "interpolation": draw(st.sampled_from(["bilinear", "bilinear", "nearest"])),
        "override": True,
    }
    if mode in ("one", "ratio"):
        config["img_scale"] = draw(_pairs)
    else:
        config["img_scale"] = draw(st.lists(_pairs, min_size=2, max_size=2 if mode == "range" else 4))
        config["multiscale_mode"] = mode
    if mode == "ratio":
        config["ratio_range"] = draw(_ordered(0.3, 2))
    return config


@st.composite
def _flip(draw: Any) -> Config:
    directions = draw(
        st.lists(st.sampled_from(["horizontal", "vertical", "diagonal"]), min_size=1, max_size=3, unique=True)
    )
    if draw(st.booleans()):
        return {"type": "RandomFlip", "flip_ratio": draw(_shares), "direction": directions}
    ratio = draw(st.floats(0, 1 / len(directions)))
    return {"type": "RandomFlip", "flip_ratio": [ratio] * len(directions), "direction": directions}


@st.composite
def _pad(draw: Any) -> Config:
    value = {"img": draw(st.one_of(st.integers(0, 255), _colors)), "masks": 0, "seg": 255}
    how = draw(st.sampled_from(["size", "divisor", "square"]))
    if how == "size":
        return {"type": "Pad", "size": draw(st.tuples(st.integers(90, 140), st.integers(90, 140))), "pad_val": value}
    if how == "divisor":
        return {"type": "Pad", "size_divisor": draw(st.integers(1, 40)), "pad_val": value}
    return {"type": "Pad", "pad_to_square": True, "pad_val": value}


@st.composite
def _crop(draw: Any) -> Config:
    kind = draw(st.sampled_from(["absolute", "absolute_range", "relative", "relative_range"]))
    if kind.startswith("relative"):
        size: Any = draw(st.tuples(st.floats(0.2, 1), st.floats(0.2, 1)))
    else:
        size = tuple(sorted(draw(_pairs))) if kind == "absolute_range" else draw(_pairs)
    return {
        "type": "RandomCrop",
        "crop_size": size,
        "crop_type": kind,
        "allow_negative_crop": draw(st.booleans()),
        "bbox_clip_border": draw(st.booleans()),
    }


@st.composite
def _cut_out(draw: Any) -> Config:
    config: Config = {"type": "CutOut", "n_holes": draw(st.one_of(st.integers(0, 3), st.just((1, 4))))}
    if draw(st.booleans()):
        shape = st.tuples(st.integers(0, 30), st.integers(0, 30))
        config["cutout_shape"] = draw(st.lists(shape, min_size=1, max_size=3))
    else:
        config["cutout_ratio"] = draw(st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)))
    return {**config, "fill_in": draw(_colors)}


_filters = st.fixed_dictionaries(
    {
        "min_bbox_size": st.integers(0, 12),
        "bbox_clip_border": st.booleans(),
        "skip_filter": st.booleans(),
    }
)
_normalize = st.fixed_dictionaries(
    {
        "type": st.just("Normalize"),
        "mean": st.lists(st.floats(0, 200), min_size=3, max_size=3),
        # On the scale of 0..255: tolerances are stated there.
        "std": st.just([1.0, 1.0, 1.0]),
        "to_rgb": st.booleans(),
    }
)
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
        "shift_ratio": _shares,
        "max_shift_px": st.integers(1, 8),
        "filter_thr_px": st.integers(0, 10),
    }
)
_affine = st.builds(
    lambda filters, degrees, border, color: {
        "type": "RandomAffine", **filters, "max_rotate_degree": degrees, "border": border, "border_val": color,
    },
    _filters,
    st.floats(0, 40),
    st.sampled_from([(0, 0), (-4, -6), (5, 0)]),
    _colors,
)
_mosaic = st.builds(
    lambda filters, scale, prob: {"type": "Mosaic", **filters, "img_scale": scale, "prob": prob},
    _filters,
    _pairs,
    st.sampled_from([1.0, 1.0, 0.5]),
)
_mix_up = st.builds(
    lambda filters, scale, value: {"type": "MixUp", **filters, "img_scale": scale, "pad_val": value},
    _filters,
    _pairs,
    st.sampled_from([114, 114.0]),
)
_filter = st.builds(
    lambda size, keep: {"type": "FilterAnnotations", "min_gt_bbox_wh": (size, size), "keep_empty": keep},
    st.integers(0, 12),
    st.booleans(),
)

#: Each of the native steps, by itself.
steps: dict[str, st.SearchStrategy[Config]] = {
    "Resize": _resize(),
    "RandomFlip": _flip(),
    "Pad": _pad(),
    "RandomCrop": _crop(),
    "CutOut": _cut_out(),
    "Normalize": _normalize,
    "PhotoMetricDistortion": st.just({"type": "PhotoMetricDistortion"}),
    "YOLOXHSVRandomAug": st.just({"type": "YOLOXHSVRandomAug"}),
    "Expand": _expand,
    "MinIoURandomCrop": _min_iou_crop,
    "RandomShift": _shift,
    "RandomAffine": _affine,
    "Mosaic": _mosaic,
    "MixUp": _mix_up,
    "FilterAnnotations": _filter,
}


@st.composite
def pipelines(draw: Any, first: str | None = None) -> list[Config]:
    """A pipeline of up to five random steps; the first one as named."""
    names = draw(st.lists(st.sampled_from(sorted(steps)), min_size=0 if first else 1, max_size=4))
    chosen = [draw(steps[name]) for name in ([first, *names] if first else names)]
    return [
        {"type": "LoadImageFromFile", "to_float32": draw(st.booleans())},
        {"type": "LoadAnnotations", "with_bbox": True},
        *chosen,
        {"type": "DefaultFormatBundle"},
        {"type": "Collect", "keys": ["img", "gt_bboxes", "gt_labels", "gt_bboxes_ignore"], "meta_keys": _META_KEYS},
    ]
