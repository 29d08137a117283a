"""Steps as Detectron2 has them: they decide where an image's pixels go, and resample them as Pillow does.

They run before annotations are loaded. RandomFlip and RandomCrop of :mod:`penstock.detection.steps` go with them:
Detectron2's draw the same numbers in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from penstock.detection.steps import Facts, Step

__all__ = ["FixedSizeCrop", "RandomLevels", "ResizeExactly", "ResizeScale", "ResizeShortestEdge"]


def _facts(*, uint8: bool) -> Facts:
    return Facts(
        partners=0, needs=("uint8",) if uint8 else (), gives_float=False, may_reject=False, told_by=None, notes=()
    )


@dataclass(frozen=True)
class ResizeShortestEdge(Step):
    """The shorter edge gets a drawn length, as long as the longer one does not exceed ``max_size``; the shape stays.

    ``short_edge_length``: of ``is_range``, the least and the most, else those to choose from; 0 leaves the image as it
    is. ``nearest``: Pillow's NEAREST in place of its BILINEAR.
    """

    facts = _facts(uint8=True)

    short_edge_length: tuple[int, ...]
    max_size: int
    is_range: bool = True
    nearest: bool = False


@dataclass(frozen=True)
class ResizeScale(Step):
    """The image becomes as large as fits into the target (height, width) times a drawn scale; its shape stays."""

    facts = _facts(uint8=True)

    min_scale: float
    max_scale: float
    target_height: int
    target_width: int
    nearest: bool = False


@dataclass(frozen=True)
class ResizeExactly(Step):
    """Stands for Detectron2's ``Resize``: ``shape`` is (height, width)."""

    facts = _facts(uint8=True)

    shape: tuple[int, int]
    nearest: bool = False


@dataclass(frozen=True)
class FixedSizeCrop(Step):
    """Cuts out a part of ``crop_size`` (height, width) at a drawn place, or all along an edge that is shorter. ``pad``:
    what is missing is filled on the right and below.
    """

    facts = _facts(uint8=False)

    crop_size: tuple[int, int]
    pad: bool = True
    pad_value: float = 128.0
    seg_pad_value: int = 255


@dataclass(frozen=True)
class RandomLevels(Step):
    """Stands for Detectron2's ``RandomBrightness``, ``RandomContrast`` and ``RandomSaturation``: the image, times a
    drawn intensity, is mixed with black, with the mean of all its values, or with each pixel's gray.

    Attributes:
        in_doubles: Of "mean": numpy 2 adds the mean in float64, numpy 1 in float32.
        fused: Of "gray": this machine's numpy sums up a pixel's channels with fused operations.
    """

    facts = Facts(partners=0, needs=("uint8", "color"), gives_float=False, may_reject=False, told_by=(), notes=())

    level: Literal["black", "mean", "gray"]
    intensity_min: float
    intensity_max: float
    in_doubles: bool = False
    fused: bool = False
