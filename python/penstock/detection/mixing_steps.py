"""The steps that mix in other samples; see :mod:`penstock.detection.steps`, where all steps are found."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.detection.facts import Facts, Step

__all__ = ["CopyPaste", "MixUp", "Mosaic"]

Pair = tuple[float, float]


@dataclass(frozen=True)
class Mosaic(Step):
    """``img_scale``: (height, width) of one of the four. ``cached``: the other images come from a cache, as those of
    MMDetection 3's CachedMosaic: they have been through all steps before this one, they are of the last
    ``max_cached_images`` samples of the epoch or, with ``random_pop``, mostly of these, and masks are mixed as well.
    Else they are any of the dataset's, have been through the steps before the first step that mixes, and masks stay as
    they are.
    """

    facts = Facts(partners=3, needs=("boxes",), gives_float=False, may_reject=False, told_by=None, notes=())

    img_scale: tuple[int, int] = (640, 640)
    center_ratio_range: Pair = (0.5, 1.5)
    min_bbox_size: float = 0
    bbox_clip_border: bool = True
    skip_filter: bool = True
    pad_val: float = 114
    prob: float = 1.0
    cached: bool = False
    max_cached_images: int = 40
    random_pop: bool = True

    def why_not_native(self) -> str:
        return "" if self.pad_val == int(self.pad_val) else "pad_val is not an integer"


@dataclass(frozen=True)
class MixUp(Step):
    """``img_scale``: (height, width). ``in_doubles``: ``pad_val`` is a float, with which MMDetection resizes the other
    image as float64 and cuts what comes out. ``prob``: of mixing at all; None: always, and no number is drawn for it.
    ``flips_above``: the other image is flipped where the number is above ``flip_ratio`` (MMDetection 3), not below.
    ``fills``: ``pad_val`` also stands where the other image does not reach (MMDetection 3), not 0. ``cached``,
    ``max_cached_images``, ``random_pop``: as of Mosaic.
    """

    facts = Facts(
        partners=1, needs=("color", "boxes", "uint8"), gives_float=False, may_reject=False, told_by=None,
        notes=(),
    )

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
    prob: float | None = None
    flips_above: bool = False
    fills: bool = False
    cached: bool = False
    max_cached_images: int = 20
    random_pop: bool = True

    def why_not_native(self) -> str:
        return "" if self.pad_val == int(self.pad_val) else "pad_val is not an integer"


@dataclass(frozen=True)
class CopyPaste(Step):
    facts = Facts(partners=1, needs=("boxes",), gives_float=False, may_reject=False, told_by=None, notes=())

    max_num_pasted: int = 100
    bbox_occluded_thr: float = 10
    mask_occluded_thr: float = 300
    selected: bool = True
