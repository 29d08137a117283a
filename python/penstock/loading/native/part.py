"""The part of a pipeline that runs in the C++ core, and what comes out of there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from penstock.loading.draws import Stream

__all__ = ["AnnotationTable", "NativeBatch", "NativeMasks", "NativePart", "NativeSample"]


@dataclass(frozen=True)
class AnnotationTable:
    """Annotations of a dataset's items in flat arrays: those of item ``i`` lie at ``offsets[i]:offsets[i + 1]``.

    Attributes:
        indices: int64 [items], rising: which sample of the dataset each item is.
        flags: uint8 [items]: group of each item; another of its group takes the place of one that is rejected.
        offsets: int64 [items + 1]; empty where there are no annotations.
        boxes: float32 [boxes, 4]: left, top, right, bottom in pixels.
        labels: int64 [boxes].
        mask_rows: int64 [boxes]: which of its sample's masks belongs to each box.
        ignored_offsets: int64 [items + 1], or empty.
        ignored: float32 [ignored boxes, 4].
        mask_counts: int64 [items]: how many masks each item's sample must have, or empty.
        ignore_flags: uint8 [boxes]: 1 for boxes that are ignored and stand among the others; or empty: those that are
            ignored are ``ignored``.
    """

    indices: npt.NDArray[np.int64]
    flags: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    mask_rows: npt.NDArray[np.int64]
    ignored_offsets: npt.NDArray[np.int64]
    ignored: npt.NDArray[np.float32]
    mask_counts: npt.NDArray[np.int64]
    ignore_flags: npt.NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))


@dataclass(frozen=True)
class NativeMasks:
    """Masks of one sample's objects.

    Attributes:
        height, width: Of the image that they belong to, in pixels.
        bitmaps: uint8 [n, height, width]; None for polygons.
        polygons: For each object its polygons, float64 [2 * points]: x, y, x, y, ...; None for bitmaps.
    """

    height: int
    width: int
    bitmaps: npt.NDArray[np.uint8] | None
    polygons: list[list[npt.NDArray[np.float64]]] | None


@dataclass(frozen=True)
class NativeBatch:
    """A batch as the core has made it. Tensors lie over its memory.

    Attributes:
        views: The images, once for each view of test-time augmentation (else once): one tensor with a first axis of
            samples, or, where sizes differ, a list of tensors. uint8 or float32.
        boxes, ignored: float32 [n, 4] of each sample; empty lists without annotations.
        labels: int64 [n] of each sample.
        ignore_flags: uint8 [n] of each sample, where the table has them; else [0].
        masks: Of each sample; an empty list where the pipeline loads none.
        metas: For each sample, for each view, its numbers by the core's column names; NaN where not set.
    """

    views: Sequence[torch.Tensor | list[torch.Tensor]]
    boxes: list[torch.Tensor]
    labels: list[torch.Tensor]
    ignored: list[torch.Tensor]
    ignore_flags: list[torch.Tensor]
    masks: list[NativeMasks]
    metas: list[list[dict[str, float]]]


@dataclass(frozen=True)
class NativeSample:
    """One sample as the core has made it, for the steps that run in Python. Arrays lie over its memory.

    Attributes:
        image: uint8 or float32 [h, w, 3] or [h, w].
        boxes, ignored: float32 [n, 4].
        labels: int64 [n].
        ignore_flags: uint8 [n], where the table has them, and the pipeline loads boxes.
        masks: Of its objects, where the pipeline loads them.
        meta: Its numbers by the core's column names; NaN where not set.
    """

    image: npt.NDArray[Any]
    boxes: npt.NDArray[np.float32] | None
    labels: npt.NDArray[np.int64] | None
    ignored: npt.NDArray[np.float32] | None
    ignore_flags: npt.NDArray[np.uint8] | None
    masks: NativeMasks | None
    meta: Mapping[str, float]


@dataclass(frozen=True)
class NativePart:
    """The leading steps of a pipeline, which the core runs, and what makes a batch of what comes out.

    Attributes:
        steps: The steps, as the core reads them: see :mod:`penstock.detection.steps`.
        table: Gives the annotations; called when the core starts.
        image: Key of the images in the sample.
        masks: Key of the masks, where the pipeline loads them: polygons or arrays.
        bitmaps: Masks are worked on as bitmaps, not as polygons.
        gray: Images have no axis of channels.
        layout: ``"rows"``: each image by itself, height x width x channels. ``"planes"``: each by itself, channels
            first. ``"stack"``: all in one array, channels first, smaller ones padded on the right and below.
        pad_value: What they are padded with.
        partner_steps: For each step, how many of the steps a sample goes through before it is mixed in there; 0 for
            those that mix in none. ``None``: those before the first step that mixes.
        epoch_order: Gives the order of the table's items, int64 [items], of seed and epoch, where steps look for what
            has come before a sample. It does not depend on batches or ranks.
        complete: Makes the batch, where no step is left for Python.
        resume: Takes a sample through the other steps; what it returns is for :attr:`Program.collate`.
    """

    steps: tuple[Any, ...]
    table: Callable[[], AnnotationTable]
    image: str
    masks: str | None
    bitmaps: bool
    gray: bool
    layout: Literal["rows", "planes", "stack"]
    pad_value: float
    partner_steps: tuple[int, ...] | None = None
    epoch_order: Callable[[int, int], npt.NDArray[np.int64]] | None = None
    complete: Callable[[NativeBatch], Any] | None = None
    resume: Callable[[NativeSample, Stream], Any] | None = None
