"""From MMDetection 3's transforms to the steps that the loaders have themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.structures.mask import BitmapMasks, PolygonMasks

from penstock.detection.reference import Wrappers
from penstock.detection.steps import PythonStep, Step

__all__ = ["WRAPPERS", "lower"]

#: What the steps make MMDetection's own objects with.
WRAPPERS = Wrappers(bitmap_masks=BitmapMasks, polygon_masks=PolygonMasks)


def lower(transforms: Sequence[Any]) -> list[Step | PythonStep]:
    """The steps that stand for the transforms of a pipeline, one for each: all run in Python."""
    return [PythonStep(transform, f"{type(transform).__name__} has no native version") for transform in transforms]
