"""What Detectron2's steps do to an image: drawn first, of its size alone, then done to pixels and coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from penstock.detection import augmentations as aug
from penstock.detection import steps as st
from penstock.detection.reference import pillow
from penstock.detection.reference.crop import crop_size
from penstock.detection.reference.flip import drawn_direction
from penstock.detection.reference.results import Array, Results, boxes_of, masks_of, refuse
from penstock.loading.draws import Draws

__all__ = ["Blended", "Cropped", "Flipped", "Move", "Padded", "Resized", "apply", "drawn_moves", "image_after"]
__all__ += ["points_after", "size_after"]

Size = tuple[int, int]


@dataclass(frozen=True)
class Resized:
    """From one size (height, width) to another, by Pillow's BILINEAR or NEAREST."""

    before: Size
    after: Size
    nearest: bool


@dataclass(frozen=True)
class Cropped:
    """A part of the image of size ``before``; one that would go beyond the image ends with it."""

    left: int
    top: int
    height: int
    width: int
    before: Size


@dataclass(frozen=True)
class Flipped:
    horizontal: bool
    vertical: bool
    before: Size


@dataclass(frozen=True)
class Padded:
    """``right`` columns and ``below`` rows more; ``mask_value``: of a mask's."""

    right: int
    below: int
    value: float
    mask_value: int
    before: Size


@dataclass(frozen=True)
class Blended:
    """Moves nothing: the image is mixed with a level; see :class:`penstock.detection.augmentations.RandomLevels`."""

    level: str
    weight: float
    before: Size


Move = Resized | Cropped | Flipped | Padded | Blended


def drawn_moves(step: Any, size: Size, draws: Draws) -> list[Move]:
    """What a step does to an image of ``size`` (height, width), by its draws: nothing, one move, or two.

    Raises:
        TransformError: The image would lose all its pixels.
    """
    if isinstance(step, aug.ResizeShortestEdge):
        edges = step.short_edge_length
        edge = draws.randint(edges[0], edges[1] + 1) if step.is_range else draws.choice(edges)
        return _resized(step, size, _with_short_edge(size, edge, step.max_size)) if edge else []
    if isinstance(step, aug.ResizeScale):
        scale = draws.uniform(step.min_scale, step.max_scale)
        fits = min(step.target_height * scale / size[0], step.target_width * scale / size[1])
        return _resized(step, size, (int(np.round(size[0] * fits)), int(np.round(size[1] * fits))))
    if isinstance(step, aug.ResizeExactly):
        return _resized(step, size, step.shape)
    if isinstance(step, aug.FixedSizeCrop):
        return _fixed_size_crop(step, size, draws)
    if isinstance(step, aug.RandomLevels):
        return [Blended(step.level, draws.uniform(step.intensity_min, step.intensity_max), size)]
    if isinstance(step, st.RandomCrop):
        height, width = crop_size(step, size, draws)
        top = draws.randint(0, max(size[0] - height, 0) + 1)
        return [Cropped(draws.randint(0, max(size[1] - width, 0) + 1), top, height, width, size)]
    assert isinstance(step, st.RandomFlip)
    direction = drawn_direction(step, draws)
    return [Flipped(direction != "vertical", direction != "horizontal", size)] if direction else []


def size_after(moves: Sequence[Move], size: Size) -> Size:
    """(height, width) of an image of ``size`` after some moves."""
    for move in moves:
        if isinstance(move, Resized):
            size = move.after
        elif isinstance(move, Cropped):
            size = min(move.height, size[0] - move.top), min(move.width, size[1] - move.left)
        elif isinstance(move, Padded):
            size = size[0] + move.below, size[1] + move.right
    return size


def image_after(step: object, moves: Sequence[Move], image: Array) -> Array:
    """The image [height, width] or [height, width, channels] after some moves; ``step`` names them in errors."""
    for move in moves:
        if isinstance(move, Resized):
            image = pillow.resize(step, image, move.after, nearest=move.nearest)
        elif isinstance(move, Cropped):
            image = image[move.top : move.top + move.height, move.left : move.left + move.width]
        elif isinstance(move, Flipped):
            axes = [axis for axis, turned in enumerate((move.vertical, move.horizontal)) if turned]
            image = np.ascontiguousarray(np.flip(image, axis=axes))
        elif isinstance(move, Blended):
            image = _blended(move, image)
        else:
            beside = ((0, move.below), (0, move.right), *[(0, 0)] * (image.ndim - 2))
            image = np.pad(image, beside, constant_values=np.array(move.value).astype(image.dtype))
    return image


def _blended(move: Blended, image: Array) -> Array:
    """In numpy's types: of one level the sum is of float32 in numpy 1, and of its mean of float64 in numpy 2."""
    levels = image.astype(np.float32)
    level: Any = 0
    if move.level == "mean":
        level = image.mean()
    elif move.level == "gray":
        level = image.dot([0.299, 0.587, 0.114])[..., np.newaxis]
    mixed: Array = np.clip((1 - move.weight) * level + move.weight * levels, 0, 255).astype(np.uint8)
    return mixed


def points_after(moves: Sequence[Move], points: Array) -> Array:
    """Where points x, y of the image come to lie, float64 [n, 2]: each operation is rounded as Detectron2's is."""
    x, y = points.T.astype(np.float64)
    for move in moves:
        if isinstance(move, Resized):
            x, y = x * (move.after[1] / move.before[1]), y * (move.after[0] / move.before[0])
        elif isinstance(move, Cropped):
            x, y = x - move.left, y - move.top
        elif isinstance(move, Flipped):
            x, y = move.before[1] - x if move.horizontal else x, move.before[0] - y if move.vertical else y
    return np.stack((x, y), axis=1)


def apply(step: Any, results: Results, draws: Draws) -> Results:
    """Runs a step of :mod:`penstock.detection.augmentations`."""
    if any(True for _ in masks_of(results)):
        refuse(step, "masks are loaded before it, which it does not move")
    before = results["img"].shape[:2]
    moves = drawn_moves(step, before, draws)
    results["img"] = image_after(step, moves, results["img"])
    results["img_shape"] = results["img"].shape
    for key in boxes_of(results):
        boxes = results[key].copy()
        for move in moves:
            if isinstance(move, Resized):
                x, y = move.after[1] / move.before[1], move.after[0] / move.before[0]
                boxes = boxes * np.array([x, y, x, y], np.float32)
            elif isinstance(move, Cropped):
                boxes = boxes - np.array([move.left, move.top, move.left, move.top], np.float32)
        results[key] = boxes
    return results


def _resized(step: Any, before: Size, after: Size) -> list[Move]:
    if min(after) < 1:
        text = f"{before[0]} x {before[1]} would become one of {after[0]} x {after[1]} (height x width)"
        refuse(step, f"an image of {text}")
    return [Resized(before, after, step.nearest)]


def _with_short_edge(size: Size, edge: int, max_size: int) -> Size:
    """Both edges times one factor, in the order of operations in which Detectron2 rounds."""
    factor = float(edge) / min(size)
    height, width = (float(edge), factor * size[1]) if size[0] < size[1] else (factor * size[0], float(edge))
    longest = max(height, width)
    if longest > max_size:
        factor = float(max_size) / longest
        height, width = height * factor, width * factor
    return int(height + 0.5), int(width + 0.5)


def _fixed_size_crop(step: aug.FixedSizeCrop, size: Size, draws: Draws) -> list[Move]:
    over = [max(have - wanted, 0) for have, wanted in zip(size, step.crop_size, strict=True)]
    share = draws.uniform(0.0, 1.0)
    top, left = (int(np.round(rest * share)) for rest in over)
    crop = Cropped(left, top, *step.crop_size, size)
    if not step.pad:
        return [crop]
    left_over = size_after([crop], size)
    below, right = (max(wanted - have, 0) for wanted, have in zip(step.crop_size, left_over, strict=True))
    return [crop, Padded(right, below, step.pad_value, step.seg_pad_value, left_over)]
