"""Which of MMDetection 3's transforms become steps, and why the others stay in Python."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from support.require import require

require("mmdet3")

from mmdet.datasets import transforms  # noqa: E402
from mmdet.registry import TRANSFORMS  # noqa: E402

from penstock.detection import steps as st  # noqa: E402
from penstock.detection.native_steps import native_steps  # noqa: E402
from penstock.integrations.mmdet3.data.load_image import LoadImageFromDeepLake  # noqa: E402
from penstock.integrations.mmdet3.pipeline.conversions import CONVERSIONS  # noqa: E402
from penstock.integrations.mmdet3.pipeline.lowering import kind_of_step, lower  # noqa: E402


def loading(**options: Any) -> Any:
    return LoadImageFromDeepLake(lambda item, color: np.zeros((4, 4, 3), np.uint8), **options)


def built(*configs: dict[str, Any]) -> list[Any]:
    return [TRANSFORMS.build(config) for config in configs]


LOAD = {"type": "LoadAnnotations", "with_bbox": True}
MASKS = {"type": "LoadAnnotations", "with_bbox": True, "with_mask": True}
RESIZE = {"type": "Resize", "scale": (8, 9)}

STEPS: list[tuple[dict[str, Any], Any]] = [
    (RESIZE, st.Resize(((8, 9),), keep_ratio=False, override=True, noted_scale="pair")),
    (
        {"type": "Resize", "scale": 8, "keep_ratio": True},
        st.Resize(((8, 8),), override=True, noted_scale="pair"),
    ),
    (
        {"type": "RandomResize", "scale": [(8, 9), (5, 3)], "keep_ratio": True},
        st.Resize(((8, 9), (5, 3)), override=True, noted_scale="pair", range_of="axes"),
    ),
    ({"type": "RandomFlip", "prob": 0.25}, st.RandomFlip(("horizontal",), (0.25, 0.75), redraws=True)),
    ({"type": "RandomCrop", "crop_size": (3, 4)}, st.RandomCrop((4, 3), keeps="inside")),
    (
        {"type": "RandomCrop", "crop_size": (3, 4), "crop_type": "absolute_range"},
        st.RandomCrop((3, 4), "absolute_range", keeps="inside"),
    ),
    ({"type": "Pad", "size": (3, 4)}, st.Pad((4, 3), img_val=(0, 0, 0), grows_img_shape=True)),
    (
        {"type": "CachedMosaic", "img_scale": (3, 4)},
        st.Mosaic((4, 3), pad_val=114.0, cached=True),
    ),
    (
        {"type": "CachedMixUp", "img_scale": (3, 4), "pad_val": (114, 114, 114), "ratio_range": (1.0, 1.0)},
        st.MixUp((4, 3), (1.0, 1.0), pad_val=114, prob=1.0, flips_above=True, fills=True, cached=True),
    ),
    (
        {"type": "RandomChoice", "transforms": [[{"type": "RandomFlip", "prob": 1.0}], []], "prob": [0.5, 0.5]},
        st.RandomChoice(((st.RandomFlip(("horizontal",), (1.0, 0.0), redraws=True),), ()), (0.5, 0.5)),
    ),
]


@pytest.mark.parametrize(("config", "step"), STEPS, ids=lambda value: str(value)[:60])
def test_what_becomes_a_step(config: dict[str, Any], step: Any) -> None:
    *_, lowered = lower([loading(), *built(LOAD, config)])
    assert lowered == step


STAYING: list[tuple[dict[str, Any], str]] = [
    ({**RESIZE, "backend": "pillow"}, r"Resize\(backend='pillow'\) has no native version"),
    ({**RESIZE, "interpolation": "bicubic"}, r"Resize\(interpolation='bicubic'\)"),
    ({**RESIZE, "scale": [8, 9]}, r"Resize\(scale=\[8, 9\]\)"),
    ({"type": "RandomChoiceResize", "scales": [8, 9]}, r"RandomChoiceResize\(scales=8\)"),
    (
        {"type": "RandomChoiceResize", "scales": [(8, 9)], "resize_type": "FixScaleResize"},
        r"RandomChoiceResize\(resize_type='FixScaleResize'\)",
    ),
    ({"type": "Pad", "size": (3, 4), "padding_mode": "edge"}, r"Pad\(padding_mode='edge'\)"),
    ({"type": "MixUp", "pad_val": (114, 114, 114)}, r"MixUp\(pad_val=\(114, 114, 114\)\)"),
    ({"type": "CopyPaste", "paste_by_box": True}, r"CopyPaste\(paste_by_box=True\)"),
    ({"type": "FixShapeResize", "width": 8, "height": 9}, "FixShapeResize has no native version"),
    (
        {"type": "RandomChoice", "transforms": [[{"type": "FixShapeResize", "width": 8, "height": 9}]]},
        r"RandomChoice\(transforms='FixShapeResize'\) has no native version",
    ),
    ({"type": "RandomChoice", "transforms": [[{"type": "CachedMosaic"}]]}, r"RandomChoice\(transforms='Mosaic'\)"),
]


@pytest.mark.parametrize(("config", "reason"), STAYING, ids=lambda value: str(value)[:60])
def test_what_stays_in_python(config: dict[str, Any], reason: str) -> None:
    *_, lowered = lower([loading(), *built(LOAD, config)])
    assert isinstance(lowered, st.PythonStep)
    assert re.search(reason, lowered.reason), lowered.reason


def test_a_class_of_ones_own_stays_in_python() -> None:
    class Resize(transforms.Resize):  # type: ignore[misc]
        pass

    *_, lowered = lower([loading(), Resize(scale=(8, 9))])
    assert isinstance(lowered, st.PythonStep) and "not one of MMDetection's own" in lowered.reason


@pytest.mark.parametrize("kind", ["CachedMosaic", "CachedMixUp"])
@pytest.mark.parametrize(("poly2mask", "scale", "native"), [(False, (9, 9), 3), (True, (9, 9), 2), (False, (8, 9), 2)])
def test_which_masks_the_core_mixes(kind: str, poly2mask: bool, scale: tuple[int, int], native: int) -> None:
    masks = {**MASKS, "poly2mask": poly2mask}
    lowered = lower([loading(), *built(masks, {"type": kind, "pad_val": 114, "img_scale": scale})])
    count, reason = native_steps(lowered, polygons=True)
    assert count == native and ("masks" in reason) == (native == 2)


@pytest.mark.parametrize("kind", ["RandomShift", "Mosaic", "MixUp"])
def test_what_changes_boxes_without_their_masks_stays_in_python(kind: str) -> None:
    *_, lowered = lower([loading(), *built(MASKS, {"type": kind})])
    assert isinstance(lowered, st.PythonStep) and "with_mask=True" in lowered.reason


def test_one_integer_fills_all_channels_that_there_are() -> None:
    for color_type, fill in (("color", (7, 7, 7)), ("grayscale", 7)):
        *_, pad = lower([loading(color_type=color_type), *built({"type": "Pad", "size": (3, 4), "pad_val": 7})])
        assert pad == st.Pad((4, 3), img_val=fill, grows_img_shape=True)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"type": "LoadAnnotations", "with_bbox": True, "box_type": None}, "box_type=None"),
        ({"type": "PackDetInputs", "meta_keys": ("homography_matrix",)}, "the note 'homography_matrix'"),
    ],
)
def test_a_pipeline_that_asks_for_what_no_step_gives_stays_in_python(config: dict[str, Any], reason: str) -> None:
    load, *others = lower([loading(), *built(LOAD, RESIZE, config)])
    assert isinstance(load, st.LoadImage)
    assert all(isinstance(step, st.PythonStep) and reason in step.reason for step in others)


def test_the_hsv_step_needs_uint8_images() -> None:
    *_, lowered = lower([loading(to_float32=True), *built({"type": "YOLOXHSVRandomAug"})])
    assert isinstance(lowered, st.PythonStep) and "float32" in lowered.reason


def test_every_kind_that_is_converted_says_what_it_is() -> None:
    assert all(issubclass(kind, st.Step) for kind, _ in CONVERSIONS.values())
    (choice,) = built({"type": "RandomChoice", "transforms": [[]]})
    assert kind_of_step(choice) is st.RandomChoice
    assert kind_of_step(transforms.Resize(scale=(3, 4))) is st.Resize
    assert kind_of_step(object()) is None
