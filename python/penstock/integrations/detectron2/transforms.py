"""Moves of an image as Detectron2's transforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from detectron2.data import transforms as T
from fvcore.transforms.transform import PadTransform
from PIL.Image import Resampling

from penstock.detection.reference.image_moves import Blended, Cropped, Flipped, Move, Resized

__all__ = ["transform_list", "transform_of"]


def transform_list(done: Sequence[Any]) -> Any:
    """Detectron2's TransformList of moves and of its own transforms, in their order."""
    moving = [one for one in done if not isinstance(one, Blended)]
    return T.TransformList([transform_of(one) if isinstance(one, Move) else one for one in moving])


def transform_of(move: Move) -> Any:
    """Detectron2's transform that stands for a move of pixels."""
    assert not isinstance(move, Blended)
    height, width = move.before
    if isinstance(move, Resized):
        how = Resampling.NEAREST if move.nearest else Resampling.BILINEAR
        return T.ResizeTransform(height, width, *move.after, how)
    if isinstance(move, Cropped):
        return T.CropTransform(move.left, move.top, move.width, move.height, width, height)
    if isinstance(move, Flipped):
        turned = [T.HFlipTransform(width)] if move.horizontal else []
        return T.TransformList(turned + ([T.VFlipTransform(height)] if move.vertical else []))
    return PadTransform(0, 0, move.right, move.below, width, height, move.value, move.mask_value)
