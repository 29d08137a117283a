"""The transforms that both loaders have themselves: what each is told, as plain data.

A step is what lowering makes of a framework's object, MMDetection's of the same name, and holds the same arguments;
sizes are in MMDetection 2's order, which differs from step to step. Where MMDetection 3 means something else by the
same name, a field says so; its default is what MMDetection 2 means. :mod:`penstock.detection.reference` runs it in
numpy and cv2, the native core in C++. A step takes its random numbers from its own
:class:`~penstock.loading.draws.Draws`, in the order in which MMDetection's object draws them.

What else has to be known of a step stands on its class: see :class:`~penstock.detection.facts.Facts`.
``docs/how-to/adding-a-step.md`` shows how a step is added.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from penstock.detection.facts import Facts, Step
from penstock.detection.mixing_steps import CopyPaste, MixUp, Mosaic

__all__ = [
    "BatchForm",
    "CopyPaste",
    "CutOut",
    "Expand",
    "Facts",
    "FilterAnnotations",
    "Format",
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
    "RandomChoice",
    "RandomCrop",
    "RandomFlip",
    "RandomShift",
    "Resize",
    "Step",
    "TestTimeAug",
    "YOLOXHSVRandomAug",
]

Pair = tuple[float, float]
Color3 = tuple[float, float, float]
_CUTS = "it cuts polygons of masks to what is inside of the crop"


@dataclass(frozen=True)
class LoadImage(Step):
    """Stands for ``LoadImageFromFile``. ``color``: as the image is to be decoded; "gray" gives (h, w)."""

    facts = Facts(
        partners=0, needs=(), gives_float=False, may_reject=False, told_by=(),
        notes=("filename", "ori_filename", "ori_shape", "img_shape"),
    )

    to_float32: bool = False
    color: Literal["bgr", "rgb", "gray"] = "bgr"

    def gives_float(self) -> bool:
        return self.to_float32


@dataclass(frozen=True)
class LoadAnnotations(Step):
    facts = Facts(partners=0, needs=(), gives_float=False, may_reject=False, told_by=(), notes=())

    with_bbox: bool = True
    with_label: bool = True
    with_mask: bool = False
    poly2mask: bool = True
    denorm_bbox: bool = False


@dataclass(frozen=True)
class Resize(Step):
    """``img_scale``: (width, height) each; None: the scale comes from MultiScaleFlipAug, or is ``scale_factor`` (along
    width, along height) times the image's.

    ``range_of``: what is drawn between two scales ("range"): the longer and the shorter edge ("edges"), or width and
    height (MMDetection 3, "axes").

    ``noted_scale``: "four": ``scale_factor`` is an array of x, y, x, y, and ``pad_shape`` and ``scale_idx`` are noted.
    "pair" (MMDetection 3): it is (x, y), ``pad_shape`` is not noted, and ``scale_idx`` only in the mode "value".
    """

    facts = Facts(
        partners=0, needs=(), gives_float=False, may_reject=False, told_by=("scale_factor",),
        notes=("scale_factor", "scale", "keep_ratio"),
    )

    img_scale: tuple[tuple[int, int], ...] | None = None
    multiscale_mode: Literal["range", "value"] = "range"
    ratio_range: Pair | None = None
    keep_ratio: bool = True
    bbox_clip_border: bool = True
    interpolation: Literal["bilinear", "nearest"] = "bilinear"
    override: bool = False
    scale_factor: Pair | None = None
    range_of: Literal["edges", "axes"] = "edges"
    noted_scale: Literal["four", "pair"] = "four"

    def why_not_native(self) -> str:
        return "it has no img_scale" if self.img_scale is None and self.scale_factor is None else ""

    def noted(self) -> tuple[str, ...]:
        if self.noted_scale == "four":
            return (*self.facts.notes, "pad_shape", "scale_idx")
        return (*self.facts.notes, "scale_idx") if self.multiscale_mode == "value" else self.facts.notes


@dataclass(frozen=True)
class RandomFlip(Step):
    """``ratios``: the probability of each of ``directions``, and last that of no flip. Both None where
    MultiScaleFlipAug decides. ``redraws``: a sample that has a flip noted is drawn for again (MMDetection 3); else it
    is flipped again as noted."""

    facts = Facts(
        partners=0, needs=(), gives_float=False, may_reject=False, told_by=("flip", "flip_direction"),
        notes=("flip", "flip_direction"),
    )

    directions: tuple[str, ...] | None
    ratios: tuple[float, ...] | None
    redraws: bool = False

    def why_not_native(self) -> str:
        return "it has no flip_ratio" if self.ratios is None else ""


@dataclass(frozen=True)
class RandomShift(Step):
    """Shifts are drawn from [-max_shift_px, max_shift_px): MMDetection's ``random`` is numpy's."""

    facts = Facts(partners=0, needs=(), gives_float=False, may_reject=False, told_by=None, notes=())

    shift_ratio: float = 0.5
    max_shift_px: int = 32
    filter_thr_px: int = 1


@dataclass(frozen=True)
class Pad(Step):
    """``size``: (height, width).

    ``img_val``: as OpenCV takes it: one number is the first channel's, and the others get 0; on uint8 images values
    are rounded to even and clipped. ``seg_val``: for semantic maps, which only Python steps load.

    With ``pad_to_square``, ``size_divisor`` may be set too: the square's edge becomes a multiple. ``grows_img_shape``:
    ``img_shape`` is that of the padded image, and ``pad_fixed_size`` is ``size`` as (width, height) or None
    (MMDetection 3); else ``img_shape`` stays, and ``pad_fixed_size`` is what the image was padded to, or None with a
    divisor.
    """

    facts = Facts(
        partners=0, needs=(), gives_float=False, may_reject=False, told_by=(),
        notes=("pad_shape", "pad_fixed_size", "pad_size_divisor"),
    )

    size: tuple[int, int] | None = None
    size_divisor: int | None = None
    pad_to_square: bool = False
    img_val: float | Color3 = 0
    masks_val: float = 0
    seg_val: float = 255
    grows_img_shape: bool = False


@dataclass(frozen=True)
class Normalize(Step):
    facts = Facts(partners=0, needs=("color",), gives_float=True, may_reject=False, told_by=(), notes=("img_norm_cfg",))

    mean: tuple[float, ...]
    std: tuple[float, ...]
    to_rgb: bool = True

    def why_not_native(self) -> str:
        return "" if len(self.mean) == 3 else "its mean has not three values"


@dataclass(frozen=True)
class RandomCrop(Step):
    """``crop_size``: (height, width), or (least, most) for "absolute_range". ``keeps``: boxes that have an area after
    the cut ("area"), or those of which a part, be it a line, is inside of the crop (MMDetection 3, "inside").
    ``cuts_outlines``: masks are polygons, and are cut to what is inside (MMDetection 3); else they stick out."""

    facts = Facts(partners=0, needs=(), gives_float=False, may_reject=False, told_by=None, notes=())

    crop_size: Pair
    crop_type: Literal["absolute", "absolute_range", "relative", "relative_range"] = "absolute"
    allow_negative_crop: bool = False
    recompute_bbox: bool = False
    bbox_clip_border: bool = True
    keeps: Literal["area", "inside"] = "area"
    cuts_outlines: bool = False

    def may_reject(self) -> bool:
        return not self.allow_negative_crop

    def why_not_native(self) -> str:
        return _CUTS if self.cuts_outlines else ""


@dataclass(frozen=True)
class PhotoMetricDistortion(Step):
    """``draws_all``: all numbers are drawn first, used or not (MMDetection 3); else each where it is used.
    ``clips_saturation``: a saturation that was multiplied by more than 1 is cut to 1 (MMDetection 3).
    """

    facts = Facts(partners=0, needs=("color",), gives_float=True, may_reject=False, told_by=(), notes=())

    brightness_delta: float = 32
    contrast_range: Pair = (0.5, 1.5)
    saturation_range: Pair = (0.5, 1.5)
    hue_delta: float = 18
    draws_all: bool = False
    clips_saturation: bool = False


@dataclass(frozen=True)
class Expand(Step):
    """``fill``: ``mean``, in the order of the image's channels (MMDetection turns it round for ``to_rgb``).

    ``seg_ignore_label``: for semantic maps, which only Python steps load. ``grows_img_shape``: ``img_shape`` is that of
    the canvas (MMDetection 3); else it stays that of the image.
    """

    facts = Facts(partners=0, needs=("color",), gives_float=False, may_reject=False, told_by=None, notes=())

    fill: Color3 = (0, 0, 0)
    ratio_range: Pair = (1, 4)
    prob: float = 0.5
    seg_ignore_label: int | None = None
    grows_img_shape: bool = False


@dataclass(frozen=True)
class MinIoURandomCrop(Step):
    """``cuts_outlines``: as of RandomCrop."""

    facts = Facts(partners=0, needs=("color", "boxes"), gives_float=False, may_reject=False, told_by=None, notes=())

    min_ious: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    min_crop_size: float = 0.3
    bbox_clip_border: bool = True
    cuts_outlines: bool = False

    def why_not_native(self) -> str:
        return _CUTS if self.cuts_outlines else ""


@dataclass(frozen=True)
class CutOut(Step):
    """``candidates``: (width, height) of a hole, in pixels or, ``with_ratio``, as shares of the image's."""

    facts = Facts(partners=0, needs=("color",), gives_float=False, may_reject=False, told_by=(), notes=())

    n_holes: tuple[int, int]
    candidates: tuple[Pair, ...]
    with_ratio: bool
    fill_in: Color3 = (0, 0, 0)


@dataclass(frozen=True)
class RandomAffine(Step):
    """``border``: (height, width) that is added on each side."""

    facts = Facts(partners=0, needs=(), gives_float=False, may_reject=False, told_by=None, notes=())

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
class YOLOXHSVRandomAug(Step):
    facts = Facts(partners=0, needs=("color", "uint8"), gives_float=False, may_reject=False, told_by=(), notes=())

    hue_delta: float = 5
    saturation_delta: float = 30
    value_delta: float = 30


@dataclass(frozen=True)
class FilterAnnotations(Step):
    facts = Facts(partners=0, needs=("boxes",), gives_float=False, may_reject=False, told_by=(), notes=())

    min_gt_bbox_wh: Pair = (1.0, 1.0)
    min_gt_mask_area: int = 1
    by_box: bool = True
    by_mask: bool = False
    keep_empty: bool = True

    def may_reject(self) -> bool:
        return self.keep_empty


@dataclass(frozen=True)
class MultiScaleFlipAug(Step):
    """``img_scale``: (width, height) each, or factors; with ``flips`` once for each entry: None, or a direction.

    ``transforms`` are numbered on from this step's own number + 1. Each is a ``Step`` or, run by Python alone, a
    ``PythonStep``.
    """

    facts = Facts(
        partners=0, needs=(), gives_float=False, may_reject=False, told_by=(),
        notes=("flip", "flip_direction"),
    )

    transforms: tuple[Any, ...]
    img_scale: tuple[tuple[int, int] | float, ...]
    flips: tuple[str | None, ...]


@dataclass(frozen=True)
class RandomChoice(Step):
    """One of several lists of steps, each a step that mixes in no other sample. ``ratios``: the probability of each;
    None: all are equally likely. The steps go on drawing from this step's own draws.
    """

    facts = Facts(partners=0, needs=(), gives_float=False, may_reject=False, told_by=None, notes=())

    choices: tuple[tuple[Any, ...], ...]
    ratios: tuple[float, ...] | None = None

    def gives_float(self) -> bool:
        return any(step.gives_float() for steps in self.choices for step in steps)

    def may_reject(self) -> bool:
        return any(step.may_reject() for steps in self.choices for step in steps)

    def noted(self) -> tuple[str, ...]:
        notes = [{key for step in steps for key in step.noted()} for steps in self.choices]
        return tuple(sorted(set.intersection(*notes))) if notes else ()


@dataclass(frozen=True)
class TestTimeAug(Step):
    """Several views of a sample: what each list of steps makes of it. The steps mix in no other sample; a list may load
    annotations, and end with a framework's own step. They go on drawing from this step's own draws, one list after the
    other.
    """

    facts = Facts(partners=0, needs=(), gives_float=False, may_reject=False, told_by=None, notes=())

    views: tuple[tuple[Any, ...], ...]


class BatchForm(Step):
    """A framework's own step at the end of a pipeline, which makes what its batches are made of. It runs itself in
    Python; in the core :class:`Format` stands for it, or nothing.

    Attributes:
        collects: Whether it may follow another of its kind: it chooses what goes into the batch.
    """

    collects: ClassVar[bool]

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError


@dataclass(frozen=True)
class Format:
    """The end of what the core makes of a sample: the image becomes planar. ``to_float``: and float32. No framework's
    pipeline has it: a collector puts it in the place of its framework's own form.
    """

    to_float: bool = False


@dataclass(frozen=True)
class PythonStep:
    """A transform that is called as it is, and why: one sentence that names it."""

    transform: Callable[[dict[str, Any]], Any]
    reason: str

    def __call__(self, results: dict[str, Any]) -> Any:
        return self.transform(results)
