"""Runs a lowered pipeline in Python: all of it, or what the C++ core has left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from penstock.errors import PenstockError, TransformError
from penstock.integrations.mmdet.collecting import mask_objects
from penstock.integrations.mmdet.lowering import WRAPPERS
from penstock.reference.transforms import Partners, partner_indices, run_step
from penstock.transforms import steps as st
from penstock.transforms.draws import Draws, Stream
from penstock.transforms.native import NativeSample

if TYPE_CHECKING:
    from penstock.integrations.mmdet.dataset import DeepLakeCocoDataset

__all__ = ["MOST_REJECTED", "PipelineRunner", "rejected_all"]

Results = dict[str, Any]

#: So many rejections in a row mean that the pipeline rejects everything.
MOST_REJECTED = 100
#: Number of the step whose draws choose what takes the place of a rejected sample.
_REPLACEMENT = -1
#: The stream of a partner that takes the place of a rejected one is that of a part so many numbers further on.
_PART_STRIDE = 256
#: How many other samples a step mixes in.
_PARTS: dict[type, int] = {st.Mosaic: 3, st.MixUp: 1, st.CopyPaste: 1}


def rejected_all(index: int, path: str) -> TransformError:
    """The error of a pipeline that goes on rejecting, the last time the sample ``index``."""
    return TransformError(f"the pipeline rejected {MOST_REJECTED} samples in a row", index=index, path=path)


class PipelineRunner:
    """Takes samples of a dataset through its pipeline, step by step.

    Args:
        dataset: MMDetection's dataset.
        steps: Its pipeline, lowered: steps that penstock has itself, and MMDetection's or the user's own objects.
    """

    def __init__(self, dataset: DeepLakeCocoDataset, steps: Sequence[Any]) -> None:
        self._dataset = dataset
        self._steps = list(steps)
        self._first_mix = next(
            (number for number, step in enumerate(steps) if type(step) in _PARTS), len(self._steps)
        )

    @property
    def mixes(self) -> bool:
        """Whether a step mixes in other samples."""
        return self._first_mix < len(self._steps)

    def run(self, sample: dict[str, Any], stream: Stream) -> Any:
        """All steps, on a sample: its "index", and "img" if it is decoded already."""
        item = self._dataset.item_of(sample["index"])
        results = self._results(item, sample.get("img"))
        return self._accepted(self._advance(results, stream, 0), item, stream)

    def resume(self, sample: NativeSample, notes: Results, stream: Stream, number: int) -> Any:
        """The steps from ``number`` on, of a sample that the core has brought there."""
        item = self._dataset.item_of(int(sample.meta["index"]))
        results = {**self._dataset.results_of(item), **notes, "img": sample.image, "img_fields": ["img"]}
        for step in self._steps[:number]:
            if isinstance(step, st.LoadAnnotations):
                _add_annotations(results, sample, step)
        attempt = int(sample.meta["attempt"])
        return self._accepted(self._advance(results, stream.attempt(attempt), number), item, stream, attempt)

    def step_seconds(self, item: int, stream: Stream) -> list[float]:
        """How long each step takes on one item in Python, in seconds, the first with reading its image; fewer steps
        where one rejects it.
        """
        seconds: list[float] = []
        start = time.perf_counter()
        results: Results | None = self._results(item)
        for number in range(len(self._steps)):
            results = self._advance(results, stream, number, number + 1)
            start, before = time.perf_counter(), start
            seconds.append(start - before)
            if results is None:
                break
        return seconds

    def _accepted(self, data: Any, item: int, stream: Stream, attempt: int = 0) -> Any:
        """``data``, or, where the pipeline has rejected the sample, what it makes of another in its place."""
        while data is None and not self._dataset.test_mode:
            attempt += 1
            if attempt == MOST_REJECTED:
                raise rejected_all(int(self._dataset.indices[item]), self._dataset.source.path)
            retry = stream.attempt(attempt)
            item = self._replacement(item, retry)
            data = self._advance(self._results(item), retry, 0)
        return data

    def _results(self, item: int, image: npt.NDArray[Any] | None = None) -> Results:
        """What goes into the first step; the image is read where the caller does not have it."""
        results = self._dataset.results_of(item)
        load = self._steps[0]
        if image is None and isinstance(load, st.LoadImage):
            image = self._dataset.read_image(item, load.color)
        if image is not None:
            results["img"] = image
        return results

    def _replacement(self, item: int, stream: Stream) -> int:
        flags = self._dataset.flag
        group: list[int] = np.flatnonzero(flags == flags[item]).tolist()
        return stream.step(_REPLACEMENT).choice(group)

    def _advance(self, results: Results | None, stream: Stream, first: int, last: int | None = None) -> Any:
        partners = self._partners(stream, first)
        for number in range(first, len(self._steps) if last is None else last):
            if results is None:
                return None
            step = self._steps[number]
            if isinstance(step, st.Step):
                results = run_step(step, results, stream, number, partners, WRAPPERS)
            else:
                results = _call(step, results)
        return results

    def _partners(self, stream: Stream, first_step: int) -> Partners:
        """Gives the samples that the steps from ``first_step`` on mix in, one step after the other."""
        taken = sum(_PARTS.get(type(step), 0) for step in self._steps[:first_step])

        def give(step: Any, draws: Draws) -> list[Results]:
            nonlocal taken
            items = partner_indices(step, draws, len(self._dataset), self._box_count)
            first, taken = taken + 1, taken + len(items)
            return [self._partner(item, stream, first + i) for i, item in enumerate(items)]

        return give

    def _box_count(self, item: int) -> int:
        return len(self._dataset.get_ann_info(item)["bboxes"])

    def _partner(self, item: int, stream: Stream, part: int) -> Results:
        """Another sample that is mixed in: its state before the first step that mixes."""
        for retry in range(MOST_REJECTED):
            own = stream.part(part + retry * _PART_STRIDE)
            item = self._replacement(item, own) if retry else item
            results = self._advance(self._results(item), own, 0, self._first_mix)
            if results is not None:
                return results  # type: ignore[no-any-return]
        raise rejected_all(int(self._dataset.indices[item]), self._dataset.source.path)


def _add_annotations(results: Results, sample: NativeSample, step: st.LoadAnnotations) -> None:
    """What LoadAnnotations has put there, as the later steps have left it."""
    if step.with_bbox:
        results["gt_bboxes_ignore"], results["gt_bboxes"] = sample.ignored, sample.boxes
        results["bbox_fields"] += ["gt_bboxes_ignore", "gt_bboxes"]
    if step.with_label:
        results["gt_labels"] = sample.labels
    if sample.masks is not None:
        results["gt_masks"] = mask_objects(sample.masks)
        results["mask_fields"].append("gt_masks")


def _call(step: st.PythonStep, results: Results) -> Any:
    try:
        return step(results)
    except PenstockError:
        raise
    except Exception as error:
        name = type(step.transform).__name__
        raise TransformError(f"'{name}' raised {type(error).__name__}: {error}") from error
