"""Mosaic and MixUp, which make one sample of several; CopyPaste is in a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from penstock.detection.reference import opencv
from penstock.detection.reference.flip import flipped_boxes
from penstock.detection.reference.results import Array, Results, inside, refuse, worth_keeping
from penstock.detection.steps import CopyPaste, MixUp, Mosaic
from penstock.loading.draws import Draws

__all__ = ["mix_up", "mosaic", "partner_indices"]


def partner_indices(
    step: Mosaic | MixUp | CopyPaste,
    draws: Draws,
    length: int,
    count_boxes: Callable[[int], int],
    before: Callable[[int], int] | None = None,
) -> list[int]:
    """The positions in the dataset of what a sample is mixed with: the first draws of the step.

    Args:
        step: The step.
        draws: Its draws, from which it goes on drawing.
        length: Of the dataset.
        count_boxes: How many boxes, not counting ignored ones, the sample at a position has.
        before: Gives the position of what has come so many samples before this one, 0 for this one itself. A step with
            a cache needs it.
    """
    if length < 1:
        refuse(step, "the dataset has no samples to mix with")
    if isinstance(step, CopyPaste) or not step.cached:

        def draw() -> int:
            return draws.randint(0, length)
    else:
        assert before is not None, "the caller has to say what came before"
        age, earlier = partial(_drawn_age, step, draws), before

        def draw() -> int:
            return earlier(age())

    if isinstance(step, Mosaic):
        return [draw() for _ in range(3)]
    if isinstance(step, CopyPaste):
        return [draw()]
    if step.max_iters < 1:
        refuse(step, f"max_iters={step.max_iters} lets it choose no other image")
    for _ in range(step.max_iters):
        index = draw()
        if count_boxes(index):
            break
    return [index]


def _drawn_age(step: Mosaic | MixUp, draws: Draws) -> int:
    """How many samples ago an image came that is taken out of a full cache, any with the same probability.

    A cache of n images holds this one too, which MMDetection neither takes out nor removes: its ``random`` is numpy's,
    whose ``randint`` leaves out the upper bound. Where the oldest is removed, the others are the last n - 1. Where any
    of the n others is removed, each is left with a probability of (n - 1) / n whenever one is added after it. Of the
    n - 1 that are left, so many are of age a on average as that to the power of a says.
    """
    size = step.max_cached_images
    return 1 + draws.lasting((size - 1) / size) if step.random_pop else draws.randint(1, size)


def mosaic(step: Mosaic, results: Results, draws: Draws, partners: Sequence[Results]) -> Results:
    """Four images around a drawn point, each cut where it leaves its quarter."""
    if draws.uniform(0, 1) > step.prob:
        return results
    frame_height, frame_width = step.img_scale
    height, width = 2 * frame_height, 2 * frame_width
    channels = (3,) if results["img"].ndim == 3 else ()
    canvas = np.full((height, width, *channels), step.pad_val, dtype=results["img"].dtype)
    center_x = int(draws.uniform(*step.center_ratio_range) * frame_width)
    center_y = int(draws.uniform(*step.center_ratio_range) * frame_height)
    all_boxes, all_masks, rows = [], [], _Rows(results)
    for quarter, part in enumerate((results, *partners)):
        image, ratio = _fitted(step, part["img"], step.img_scale)
        # The image's corner next to the point: on the quarter's right side its left one, and so on.
        left = center_x if quarter % 2 else center_x - image.shape[1]
        top = center_y if quarter >= 2 else center_y - image.shape[0]
        _paste(canvas, image, left, top)
        all_boxes.append(_scaled_and_shifted(part["gt_bboxes"], ratio, left, top))
        rows.add(part)
        if step.cached and "gt_masks" in results:
            # MMDetection takes the size for (height, width), which it is where both are equal.
            all_masks.append(_translated(part["gt_masks"].rescale(float(ratio)), (width, height), left, top))
    boxes = np.concatenate(all_boxes)
    if step.bbox_clip_border:
        _clip(boxes, height, width)
    if not step.skip_filter:
        large = (boxes[:, 2] - boxes[:, 0] > step.min_bbox_size) & (boxes[:, 3] - boxes[:, 1] > step.min_bbox_size)
        boxes = boxes[large]
        rows.keep(large)
    kept = inside(boxes, height, width)
    rows.keep(kept)
    results["img"] = canvas
    results["img_shape"] = canvas.shape
    results["gt_bboxes"] = boxes[kept]
    results |= rows.values()
    if all_masks:
        results["gt_masks"] = type(all_masks[0]).cat(all_masks)[kept.nonzero()[0]]
    return results


def mix_up(step: MixUp, results: Results, draws: Draws, partners: Sequence[Results]) -> Results:
    """The mean with another image, which is resized, perhaps flipped, and cut or filled up to this one's size."""
    (partner,) = partners
    if step.prob is not None and draws.uniform(0, 1) > step.prob:
        return results
    if len(partner["gt_bboxes"]) == 0:
        return results
    target_height, target_width = results["img"].shape[:2]
    if results["img"].ndim != 3 or partner["img"].ndim != 3:
        refuse(step, "a gray image cannot be mixed")
    jitter = draws.uniform(*step.ratio_range)
    number = draws.uniform(0, 1)
    flip = number > step.flip_ratio if step.flips_above else number < step.flip_ratio
    other, ratio = _jittered(step, partner["img"], jitter)
    height, width = other.shape[:2]
    if flip:
        other = other[:, ::-1]
    # Always uint8 here, whatever the images are.
    filling = int(step.pad_val) if step.fills else 0
    padded = np.full((max(height, target_height), max(width, target_width), 3), filling, dtype=np.uint8)
    padded[:height, :width] = other
    top = draws.randint(0, height - target_height) if height > target_height else 0
    left = draws.randint(0, width - target_width) if width > target_width else 0
    cropped = padded[top : top + target_height, left : left + target_width]

    masks = partner["gt_masks"].rescale(ratio) if step.cached and "gt_masks" in results else None
    boxes = _scaled_and_shifted(partner["gt_bboxes"], ratio, 0, 0)
    if step.bbox_clip_border:
        _clip(boxes, height, width)
    if flip:
        boxes = flipped_boxes(boxes, (height, width), "horizontal")
        masks = None if masks is None else masks.flip()
    moved = _scaled_and_shifted(boxes, 1, -left, -top)
    if step.bbox_clip_border:
        _clip(moved, target_height, target_width)
    rows = _Rows(partner)
    rows.add(partner)
    if not step.skip_filter:
        good = worth_keeping(
            boxes,
            moved,
            min_bbox_size=step.min_bbox_size,
            min_area_ratio=step.min_area_ratio,
            max_aspect_ratio=step.max_aspect_ratio,
        )
        moved = moved[good]
        rows.keep(good)
    mixed = 0.5 * results["img"].astype(np.float32) + 0.5 * cropped.astype(np.float32)
    boxes = np.concatenate([results["gt_bboxes"], moved])
    rows.add(results, first=True)
    kept = inside(boxes, target_height, target_width)
    rows.keep(kept)
    results["img"] = mixed.astype(np.uint8)
    results["img_shape"] = mixed.shape
    results["gt_bboxes"] = boxes[kept]
    results |= rows.values()
    if masks is not None:
        masks = _translated(masks, (target_height, target_width), -left, -top)
        results["gt_masks"] = type(masks).cat([results["gt_masks"], masks])[kept.nonzero()[0]]
    return results


def _translated(masks: Any, shape: tuple[int, int], x: int, y: int) -> Any:
    """Masks on a canvas of ``shape`` (height, width), moved."""
    masks = masks.translate(out_shape=shape, offset=x, direction="horizontal")
    return masks.translate(out_shape=shape, offset=y, direction="vertical")


class _Rows:
    """What several samples have for each box, one sample after the other: labels, and flags where there are any."""

    def __init__(self, sample: Results) -> None:
        self._parts: dict[str, list[Array]] = {"gt_labels": []}
        if "gt_ignore_flags" in sample:
            self._parts["gt_ignore_flags"] = []

    def add(self, sample: Results, *, first: bool = False) -> None:
        for key, parts in self._parts.items():
            parts.insert(0 if first else len(parts), sample[key])

    def keep(self, kept: Array) -> None:
        self._parts = {key: [np.concatenate(parts)[kept]] for key, parts in self._parts.items()}

    def values(self) -> Results:
        return {key: np.concatenate(parts) for key, parts in self._parts.items()}


def _fitted(step: object, image: Array, frame: tuple[int, int]) -> tuple[Array, float]:
    """The image as large as fits into a frame (height, width), both edges cut to integers, and by how much."""
    height, width = image.shape[:2]
    ratio = min(frame[0] / height, frame[1] / width)
    return opencv.resize(step, image, (int(width * ratio), int(height * ratio))), ratio


def _jittered(step: MixUp, image: Array, jitter: float) -> tuple[Array, float]:
    """The image in the upper left of the step's frame, all of that resized, and by how much in both steps."""
    fitted, ratio = _fitted(step, image, step.img_scale)
    frame = np.ones((*step.img_scale, 3), dtype=image.dtype) * step.pad_val
    frame[: fitted.shape[0], : fitted.shape[1]] = fitted
    size = (int(frame.shape[1] * jitter), int(frame.shape[0] * jitter))
    return opencv.resize(step, frame, size), ratio * jitter


def _paste(canvas: Array, image: Array, left: int, top: int) -> None:
    """Puts an image onto a canvas that it may stick out of."""
    right, bottom = min(left + image.shape[1], canvas.shape[1]), min(top + image.shape[0], canvas.shape[0])
    cut_left, cut_top = max(-left, 0), max(-top, 0)
    canvas[max(top, 0) : bottom, max(left, 0) : right] = image[cut_top : bottom - top, cut_left : right - left]


def _scaled_and_shifted(boxes: Array, ratio: float, x: int, y: int) -> Array:
    moved = boxes.copy()
    moved[:, 0::2] = ratio * boxes[:, 0::2] + x
    moved[:, 1::2] = ratio * boxes[:, 1::2] + y
    return moved


def _clip(boxes: Array, height: int, width: int) -> None:
    boxes[:, 0::2] = np.clip(boxes[:, 0::2], 0, width)
    boxes[:, 1::2] = np.clip(boxes[:, 1::2], 0, height)
