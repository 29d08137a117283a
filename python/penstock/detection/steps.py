"""The transforms that both loaders have themselves: what each is told, as plain data.

A step is what lowering makes of MMDetection's object of the same name, and holds the same arguments; sizes are in
MMDetection's order, which differs from step to step. :mod:`penstock.detection.reference` runs it in numpy and cv2, the
native core in C++. A step takes its random numbers from its own :class:`~penstock.loading.draws.Draws`, in the order
in which MMDetection's object draws them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

__all__ = [
    "Collect",
    "CopyPaste",
    "CutOut",
    "DefaultFormatBundle",
    "Expand",
    "FilterAnnotations",
    "ImageToTensor",
    "LoadAnnotations",
    "LoadImage",
    "MinIoURandomCrop",
    "MixUp",
    "Mosaic",
    "MultiScaleFlipAug",
    "Normalize",
    "Pad",
    "PhotoMetricDistortion",
    "PythonStep",
    "RandomAffine",
    "RandomCrop",
    "RandomFlip",
    "RandomShift",
    "Resize",
    "Step",
    "YOLOXHSVRandomAug",
]

Pair = tuple[float, float]
Color3 = tuple[float, float, float]


@dataclass(frozen=True)
class LoadImage:
    """Stands for ``LoadImageFromFile``. ``color``: as the image is to be decoded; "gray" gives (h, w)."""

    to_float32: bool = False
    color: Literal["bgr", "rgb", "gray"] = "bgr"


@dataclass(frozen=True)
class LoadAnnotations:
    with_bbox: bool = True
    with_label: bool = True
    with_mask: bool = False
    poly2mask: bool = True
    denorm_bbox: bool = False


@dataclass(frozen=True)
class Resize:
    """``img_scale``: (width, height) each; None: the scale comes from MultiScaleFlipAug."""

    img_scale: tuple[tuple[int, int], ...] | None = None
    multiscale_mode: Literal["range", "value"] = "range"
    ratio_range: Pair | None = None
    keep_ratio: bool = True
    bbox_clip_border: bool = True
    interpolation: Literal["bilinear", "nearest"] = "bilinear"
    override: bool = False


@dataclass(frozen=True)
class RandomFlip:
    """``ratios``: the probability of each of ``directions``, and last that of no flip. Both None where
    MultiScaleFlipAug decides."""

    directions: tuple[str, ...] | None
    ratios: tuple[float, ...] | None


@dataclass(frozen=True)
class RandomShift:
    """Shifts are drawn from [-max_shift_px, max_shift_px): MMDetection's ``random`` is numpy's."""

    shift_ratio: float = 0.5
    max_shift_px: int = 32
    filter_thr_px: int = 1


@dataclass(frozen=True)
class Pad:
    """``size``: (height, width).

    ``img_val``: as OpenCV takes it: one number is the first channel's, and the others get 0; on uint8 images values
    are rounded to even and clipped. ``seg_val``: for semantic maps, which only Python steps load.
    """

    size: tuple[int, int] | None = None
    size_divisor: int | None = None
    pad_to_square: bool = False
    img_val: float | Color3 = 0
    masks_val: float = 0
    seg_val: float = 255


@dataclass(frozen=True)
class Normalize:
    mean: tuple[float, ...]
    std: tuple[float, ...]
    to_rgb: bool = True


@dataclass(frozen=True)
class RandomCrop:
    """``crop_size``: (height, width), or (least, most) for "absolute_range"."""

    crop_size: Pair
    crop_type: Literal["absolute", "absolute_range", "relative", "relative_range"] = "absolute"
    allow_negative_crop: bool = False
    recompute_bbox: bool = False
    bbox_clip_border: bool = True


@dataclass(frozen=True)
class PhotoMetricDistortion:
    brightness_delta: float = 32
    contrast_range: Pair = (0.5, 1.5)
    saturation_range: Pair = (0.5, 1.5)
    hue_delta: float = 18


@dataclass(frozen=True)
class Expand:
    """``fill``: ``mean``, in the order of the image's channels (MMDetection turns it round for ``to_rgb``).

    ``seg_ignore_label``: for semantic maps, which only Python steps load.
    """

    fill: Color3 = (0, 0, 0)
    ratio_range: Pair = (1, 4)
    prob: float = 0.5
    seg_ignore_label: int | None = None


@dataclass(frozen=True)
class MinIoURandomCrop:
    min_ious: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    min_crop_size: float = 0.3
    bbox_clip_border: bool = True


@dataclass(frozen=True)
class CutOut:
    """``candidates``: (width, height) of a hole, in pixels or, ``with_ratio``, as shares of the image's."""

    n_holes: tuple[int, int]
    candidates: tuple[Pair, ...]
    with_ratio: bool
    fill_in: Color3 = (0, 0, 0)


@dataclass(frozen=True)
class RandomAffine:
    """``border``: (height, width) that is added on each side."""

    max_rotate_degree: float = 10.0
    max_translate_ratio: float = 0.1
    scaling_ratio_range: Pair = (0.5, 1.5)
    max_shear_degree: float = 2.0
    border: tuple[int, int] = (0, 0)
    border_val: Color3 = (114, 114, 114)
    min_bbox_size: float = 2
    min_area_ratio: float = 0.2
    max_aspect_ratio: float = 20
    bbox_clip_border: bool = True
    skip_filter: bool = True


@dataclass(frozen=True)
class YOLOXHSVRandomAug:
    hue_delta: float = 5
    saturation_delta: float = 30
    value_delta: float = 30


@dataclass(frozen=True)
class Mosaic:
    """``img_scale``: (height, width) of one of the four."""

    img_scale: tuple[int, int] = (640, 640)
    center_ratio_range: Pair = (0.5, 1.5)
    min_bbox_size: float = 0
    bbox_clip_border: bool = True
    skip_filter: bool = True
    pad_val: float = 114
    prob: float = 1.0


@dataclass(frozen=True)
class MixUp:
    """``img_scale``: (height, width). ``in_doubles``: ``pad_val`` is a float, with which MMDetection resizes the other
    image as float64 and cuts what comes out.
    """

    img_scale: tuple[int, int] = (640, 640)
    ratio_range: Pair = (0.5, 1.5)
    flip_ratio: float = 0.5
    pad_val: float = 114
    in_doubles: bool = False
    max_iters: int = 15
    min_bbox_size: float = 5
    min_area_ratio: float = 0.2
    max_aspect_ratio: float = 20
    bbox_clip_border: bool = True
    skip_filter: bool = True


@dataclass(frozen=True)
class CopyPaste:
    max_num_pasted: int = 100
    bbox_occluded_thr: float = 10
    mask_occluded_thr: float = 300
    selected: bool = True


@dataclass(frozen=True)
class FilterAnnotations:
    min_gt_bbox_wh: Pair = (1.0, 1.0)
    min_gt_mask_area: int = 1
    by_box: bool = True
    by_mask: bool = False
    keep_empty: bool = True


@dataclass(frozen=True)
class ImageToTensor:
    keys: tuple[str, ...] = ("img",)


@dataclass(frozen=True)
class DefaultFormatBundle:
    img_to_float: bool = True
    img_pad_val: float = 0
    masks_pad_val: float = 0
    seg_pad_val: float = 255


@dataclass(frozen=True)
class Collect:
    keys: tuple[str, ...]
    meta_keys: tuple[str, ...]


@dataclass(frozen=True)
class MultiScaleFlipAug:
    """``img_scale``: (width, height) each, or factors; with ``flips`` once for each entry: None, or a direction.

    ``transforms`` are numbered on from this step's own number + 1. Each is a ``Step`` or, run by Python alone, a
    ``PythonStep``.
    """

    transforms: tuple[Any, ...]
    img_scale: tuple[tuple[int, int] | float, ...]
    flips: tuple[str | None, ...]


Step = (
    LoadImage
    | LoadAnnotations
    | Resize
    | RandomFlip
    | RandomShift
    | Pad
    | Normalize
    | RandomCrop
    | PhotoMetricDistortion
    | Expand
    | MinIoURandomCrop
    | CutOut
    | RandomAffine
    | YOLOXHSVRandomAug
    | Mosaic
    | MixUp
    | CopyPaste
    | FilterAnnotations
    | ImageToTensor
    | DefaultFormatBundle
    | Collect
    | MultiScaleFlipAug
)


@dataclass(frozen=True)
class PythonStep:
    """A transform that is called as it is, and why: one sentence that names it."""

    transform: Callable[[dict[str, Any]], Any]
    reason: str

    def __call__(self, results: dict[str, Any]) -> Any:
        return self.transform(results)
