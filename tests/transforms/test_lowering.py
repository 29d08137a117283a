"""Which of MMDetection's transforms become steps, with which arguments, and why the others do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.require import require

require("mmdet")

from mmdet.datasets import pipelines  # noqa: E402

from penstock.detection import steps  # noqa: E402
from penstock.detection.reference import run_step  # noqa: E402
from penstock.detection.steps import PythonStep, Step  # noqa: E402
from penstock.errors import TransformError  # noqa: E402
from penstock.integrations.mmdet.data.load_image import LoadImageFromDeepLake  # noqa: E402
from penstock.integrations.mmdet.pipeline.batch_forms import (  # noqa: E402
    Collect,
    DefaultFormatBundle,
    ImageToTensor,
)
from penstock.integrations.mmdet.pipeline.lowering import WRAPPERS, lower  # noqa: E402
from penstock.loading.draws import Stream  # noqa: E402
from support.detection_samples import make_sample  # noqa: E402

IMAGE: Any = None  # the tensor of the images, which lowering does not look at


class ResizeOfMyOwn(pipelines.Resize):  # type: ignore[misc]
    pass


def mark(results: dict[str, Any]) -> dict[str, Any]:
    return {**results, "mark": 1}


def one(transform: Any) -> Any:
    (step,) = lower([transform])
    return step


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (LoadImageFromDeepLake(IMAGE), steps.LoadImage()),
        (LoadImageFromDeepLake(IMAGE, True, channel_order="rgb"), steps.LoadImage(True, "rgb")),
        (LoadImageFromDeepLake(IMAGE, color_type="grayscale"), steps.LoadImage(color="gray")),
        (pipelines.LoadAnnotations(with_mask=True, poly2mask=False), steps.LoadAnnotations(True, True, True, False)),
        (pipelines.Resize(), steps.Resize()),
        (
            pipelines.Resize([(1, 2), (3, 4)], "value", None, False, False, "cv2", "nearest", True),
            steps.Resize(((1, 2), (3, 4)), "value", None, False, False, "nearest", True),
        ),
        (pipelines.Resize((1, 2), ratio_range=(0.5, 2)), steps.Resize(((1, 2),), ratio_range=(0.5, 2))),
        (pipelines.RandomFlip(), steps.RandomFlip(None, None)),
        (pipelines.RandomFlip(0.25), steps.RandomFlip(("horizontal",), (0.25, 0.75))),
        (
            pipelines.RandomFlip(0.5, ["vertical", "diagonal"]),
            steps.RandomFlip(("vertical", "diagonal"), (0.25, 0.25, 0.5)),
        ),
        (
            pipelines.RandomFlip([0.25, 0.5], ["vertical", "diagonal"]),
            steps.RandomFlip(("vertical", "diagonal"), (0.25, 0.5, 0.25)),
        ),
        (pipelines.Pad(size_divisor=32), steps.Pad(size_divisor=32)),
        (
            pipelines.Pad((3, 4), pad_val={"img": (1, 2, 3), "masks": 1, "seg": 2}),
            steps.Pad((3, 4), img_val=(1, 2, 3), masks_val=1, seg_val=2),
        ),
        (
            pipelines.Normalize([1.5, 2, 3], [4, 5, 6], False),
            steps.Normalize((1.5, 2.0, 3.0), (4.0, 5.0, 6.0), False),
        ),
        (pipelines.Expand((1, 2, 3), True, (1, 2)), steps.Expand((3, 2, 1), (1, 2))),
        (pipelines.MixUp((9, 7), pad_val=114.0), steps.MixUp((9, 7), pad_val=114.0, in_doubles=True)),
        (pipelines.CutOut((1, 5), cutout_ratio=[(0.5, 1)]), steps.CutOut((1, 5), ((0.5, 1),), True)),
        (pipelines.CutOut(2, (3, 4)), steps.CutOut((2, 2), ((3, 4),), False)),
        (
            pipelines.RandomAffine(border=(-9, 9), border_val=7),
            steps.RandomAffine(border=(-9, 9), border_val=(7, 0, 0)),
        ),
        (pipelines.Collect(["img"], ["flip"]), Collect(("img",), ("flip",))),
        (
            pipelines.MultiScaleFlipAug(
                [{"type": "Resize"}, {"type": "RandomFlip"}], [(5, 6)], flip=True, flip_direction=["vertical"]
            ),
            steps.MultiScaleFlipAug((steps.Resize(), steps.RandomFlip(None, None)), ((5, 6),), (None, "vertical")),
        ),
        *(
            (getattr(pipelines, kind.__name__)(**arguments), kind(**arguments))
            for kind, arguments in (
                (steps.RandomShift, {"shift_ratio": 0.1, "max_shift_px": 5, "filter_thr_px": 3}),
                (steps.RandomCrop, {"crop_size": (0.5, 0.75), "crop_type": "relative", "recompute_bbox": True}),
                (steps.PhotoMetricDistortion, {"brightness_delta": 1, "contrast_range": (0.1, 2), "hue_delta": 7}),
                (steps.MinIoURandomCrop, {"min_ious": (0.5,), "min_crop_size": 0.1, "bbox_clip_border": False}),
                (steps.YOLOXHSVRandomAug, {"hue_delta": 1, "saturation_delta": 2, "value_delta": 3}),
                (steps.Mosaic, {"img_scale": (32, 64), "pad_val": 3, "prob": 0.5, "min_bbox_size": 4}),
                (steps.MixUp, {"img_scale": (32, 64), "pad_val": 3, "flip_ratio": 0.1, "max_aspect_ratio": 4}),
                (steps.CopyPaste, {"max_num_pasted": 5, "bbox_occluded_thr": 6, "selected": False}),
                (steps.FilterAnnotations, {"min_gt_bbox_wh": (3, 4), "by_mask": True, "keep_empty": False}),
                (ImageToTensor, {"keys": ("img",)}),
                (DefaultFormatBundle, {"img_to_float": False}),
            )
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Step) else "",
)
def test_what_becomes_a_step(transform: Any, expected: Any) -> None:
    assert one(transform) == expected


@pytest.mark.parametrize(
    ("transform", "reason"),
    [
        (pipelines.Resize((1, 2), backend="pillow"), "Resize(backend='pillow') has no native version"),
        (pipelines.Resize((1, 2), interpolation="area"), "Resize(interpolation='area') has no native version"),
        (pipelines.Resize((1.5, 2)), "Resize(img_scale=(1.5, 2)) has no native version"),
        (pipelines.LoadAnnotations(with_seg=True), "LoadAnnotations(with_seg=True) has no native version"),
        (
            LoadImageFromDeepLake(IMAGE, color_type="unchanged"),
            "LoadImageFromFile(color_type='unchanged') has no native version",
        ),
        (
            pipelines.Pad(size_divisor=32, pad_val={"img": [1, 2, 3]}),
            "Pad(pad_val=[1, 2, 3]) has no native version",
        ),
        (pipelines.Pad((3, 4), pad_val={"img": (1, 2)}), "Pad(pad_val=(1, 2)) has no native version"),
        (pipelines.MixUp((9, 9), pad_val=114.5), "MixUp(pad_val=114.5) has no native version"),
        (pipelines.CutOut(1, (1.5, 2)), "CutOut(cutout_shape=(1.5, 2)) has no native version"),
        (
            pipelines.Normalize([1, 2], [3, 4], False),
            "Normalize(mean=[1.0, 2.0], std=[3.0, 4.0]) has no native version",
        ),
        (
            pipelines.MultiScaleFlipAug([], scale_factor=2),
            "MultiScaleFlipAug(scale_factor=[2]) has no native version",
        ),
        (
            pipelines.MultiScaleFlipAug([{"type": "RandomFlip"}], (9, 9), flip=True, flip_direction="up"),
            "MultiScaleFlipAug(flip_direction=['up']) has no native version",
        ),
        (pipelines.MultiScaleFlipAug([], [(9, 9.5)]), "MultiScaleFlipAug(img_scale=(9, 9.5)) has no native version"),
        (pipelines.RandomFlip(0.5, []), "RandomFlip(direction=[]) has no native version"),
        (pipelines.Pad(size_divisor=0), "Pad(size_divisor=0) has no native version"),
        (pipelines.CutOut(1, []), "CutOut(cutout_shape=[]) has no native version"),
        (pipelines.Mosaic((0, 0)), "Mosaic(img_scale=(0, 0)) has no native version"),
        (pipelines.Collect("img"), "Collect(keys='img') has no native version"),
        (pipelines.SegRescale(), "SegRescale has no native version"),
        (
            pipelines.RandomCenterCropPad((9, 9), mean=[0] * 3, std=[1] * 3, to_rgb=True, test_pad_mode=None),
            "RandomCenterCropPad has no native version",
        ),
        (pipelines.AutoAugment([[{"type": "Resize"}]]), "AutoAugment has no native version"),
        (pipelines.ToTensor(["img"]), "ToTensor has no native version"),
        (pipelines.Compose([]), "Compose has no native version"),
        (ResizeOfMyOwn((1, 2)), "ResizeOfMyOwn is not one of MMDetection's own"),
        (mark, "mark is not one of MMDetection's own"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_stays(transform: Any, reason: str) -> None:
    step = one(transform)
    assert isinstance(step, PythonStep) and not isinstance(step, Step)
    assert step.reason == reason
    assert step.transform is transform


def test_a_class_registered_in_place_of_mmdetections_stays() -> None:
    replaced = type("Resize", (), {"__call__": mark})()
    assert one(replaced).reason == "Resize is not one of MMDetection's own"


@pytest.mark.parametrize(
    "before",
    [LoadImageFromDeepLake(IMAGE, to_float32=True), pipelines.PhotoMetricDistortion()],
    ids=["loaded", "distorted"],
)
def test_hsv_of_float_images_stays(before: Any) -> None:
    jitter = pipelines.YOLOXHSVRandomAug()
    assert lower([before, jitter])[1].reason == "YOLOXHSVRandomAug has no native version for float32 images"
    nested = pipelines.MultiScaleFlipAug([{"type": "YOLOXHSVRandomAug"}], (9, 9))
    assert isinstance(lower([before, nested])[1].transforms[0], PythonStep)
    assert isinstance(lower([jitter, before])[0], steps.YOLOXHSVRandomAug)


def test_a_pad_to_square_forgets_the_last_image() -> None:
    transform = pipelines.Pad(pad_to_square=True)
    transform({"img": np.zeros((3, 9, 3), np.uint8)})
    assert one(transform) == steps.Pad(pad_to_square=True)


def test_errors_name_the_step() -> None:
    resize = one(pipelines.Resize((30, 40)))
    resized = run_step(resize, make_sample(0), Stream(0, 0, 0), 0, None, WRAPPERS)
    assert resized is not None
    with pytest.raises(TransformError, match=r"^Resize: scale and scale_factor cannot be both set"):
        run_step(resize, resized, Stream(0, 0, 0), 0, None, WRAPPERS)
    with pytest.raises(TransformError, match=r"^Pad: 'img'$") as caught:
        run_step(steps.Pad((9, 9)), {}, Stream(0, 0, 0), 0)
    assert isinstance(caught.value.__cause__, KeyError)
