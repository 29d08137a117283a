"""Runs a lowered pipeline in Python: all of it, or what the C++ core has left."""

from __future__ import annotations

import copy
import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.described import described_error
from penstock.detection import steps as st
from penstock.detection.epoch_places import EpochOrder, EpochPlaces
from penstock.detection.items import Items
from penstock.detection.recipe import Level, Recipe, mixes_in_python, parts_of, takes_from_cache
from penstock.detection.reference import Wrappers, partner_indices, run_step
from penstock.errors import PenstockError, TransformError
from penstock.loading.draws import Draws, Stream
from penstock.loading.native.part import NativeSample
from penstock.loading.sampling import epoch_order

__all__ = ["MOST_REJECTED", "PipelineRunner", "rejected_all"]

Results = dict[str, Any]

#: So many rejections in a row mean that the pipeline rejects everything.
MOST_REJECTED = 100
#: Number of the step whose draws choose what takes the place of a rejected sample.
_REPLACEMENT = -1
#: The stream of a partner that takes the place of a rejected one is that of a part so many numbers further on.
_PART_STRIDE = 256


def rejected_all(path: str, index: int) -> TransformError:
    """The error of a pipeline that rejects the sample ``index`` and all that take its place."""
    return TransformError(f"the pipeline rejected {MOST_REJECTED} samples in a row", index=index, path=path)


class PipelineRunner:
    """Takes samples of a dataset through its pipeline, step by step.

    Samples that are mixed in are parts of a sample, each with a number and a stream of its own: see :class:`_Parts`.
    Those that come from a cache have the stream of their own place in the epoch: see :class:`EpochPlaces`.

    Args:
        items: The dataset.
        recipe_of: The pipeline of an item.
        wrappers: What the steps make the framework's objects with.

    Attributes:
        epoch_order: The order of the items in an epoch, which tells what has come before a sample.
    """

    def __init__(self, items: Items, recipe_of: Callable[[int], Recipe], wrappers: Wrappers) -> None:
        self.epoch_order: EpochOrder = epoch_order
        self._items = items
        self._recipe_of = recipe_of
        self._wrappers = wrappers
        self._places: tuple[int, int, EpochPlaces] | None = None

    def ordered(self, order: EpochOrder) -> PipelineRunner:
        """The same, where epochs have another order."""
        other = copy.copy(self)
        other.epoch_order, other._places = order, None
        return other

    def run(self, sample: dict[str, Any], stream: Stream) -> Any:
        """All steps, on a sample: its "index", and "img" if it is decoded already."""
        item = self._items.item_of(sample["index"])
        return self._accepted(self._run(item, stream, image=sample.get("img")), item, stream)

    def resume(self, sample: NativeSample, notes: Results, stream: Stream, number: int) -> Any:
        """The steps from ``number`` on, of a sample that the core has brought there."""
        item = self._items.item_of(int(sample.meta["index"]))
        recipe = self._recipe_of(item)
        results = {**self._items.results_of(item), **notes, "img": sample.image, "img_fields": ["img"]}
        results = self._wrappers.incoming(results)
        for step in recipe.steps[:number]:
            if isinstance(step, st.LoadAnnotations):
                _add_annotations(results, sample, step, self._wrappers)
        attempt = int(sample.meta["attempt"])
        data = self._advance(recipe, results, stream.attempt(attempt), number)
        return self._accepted(data, item, stream, attempt)

    def step_seconds(self, item: int, stream: Stream) -> list[float]:
        """How long each step takes on one item in Python, in seconds, the first with reading its image; fewer steps
        where one rejects it.
        """
        seconds: list[float] = []
        start = time.perf_counter()
        recipe = self._recipe_of(item)
        results: Results | None = self._results(recipe, item)
        for number in range(len(recipe.steps)):
            results = self._advance(recipe, results, stream, number, number + 1)
            start, before = time.perf_counter(), start
            seconds.append(start - before)
            if results is None:
                break
        return seconds

    def _accepted(self, data: Any, item: int, stream: Stream, attempt: int = 0) -> Any:
        """``data``, or, where the pipeline has rejected the sample, what it makes of another in its place."""
        while data is None and not self._items.test_mode:
            attempt += 1
            if attempt == MOST_REJECTED:
                raise self._rejected_all(stream)
            retry = stream.attempt(attempt)
            item = self._replacement(item, retry)
            data = self._run(item, retry)
        return data

    def _run(self, item: int, stream: Stream, image: npt.NDArray[Any] | None = None) -> Any:
        recipe = self._recipe_of(item)
        return self._advance(recipe, self._results(recipe, item, image), stream, 0)

    def _results(self, recipe: Recipe, item: int, image: npt.NDArray[Any] | None = None) -> Results:
        """What goes into the first step; the image is read where the caller does not have it."""
        results = self._items.results_of(item)
        load = recipe.steps[0]
        if image is None and isinstance(load, st.LoadImage):
            image = self._items.read_image(item, load.color)
        if image is not None:
            results["img"] = image
        return self._wrappers.incoming(results)  # type: ignore[no-any-return]

    def _replacement(self, item: int, stream: Stream) -> int:
        groups = self._items.groups
        group: list[int] = np.flatnonzero(groups == groups[item]).tolist()
        return stream.step(_REPLACEMENT).choice(group)

    def _advance(
        self,
        recipe: Recipe,
        results: Results | None,
        stream: Stream,
        first: int,
        last: int | None = None,
        parts: _Parts | None = None,
    ) -> Any:
        parts = parts or _Parts(stream, parts_of(recipe, first))
        for number in range(first, len(recipe.steps) if last is None else last):
            if results is None:
                return None
            step = recipe.steps[number]
            if isinstance(step, st.Step):
                partners = functools.partial(self._partners, recipe, number, parts)
                results = run_step(step, results, stream, number, partners, self._wrappers)
            elif mixes_in_python(step):
                results = self._mix_in_python(recipe, number, parts, results)
            else:
                results = self._call(step, results)
        return results

    def _call(self, step: st.PythonStep, results: Results) -> Any:
        """What a transform of the framework or of the user makes of the results."""
        return self._wrappers.incoming(_call(step, self._wrappers.outgoing(results)))

    def _partners(self, recipe: Recipe, number: int, parts: _Parts, step: Any, draws: Draws) -> list[Results]:
        """The samples that the step of this number mixes in."""
        level = recipe.level(number)
        pool = _Pool(self._items, level.pool)
        if not takes_from_cache(step):
            positions = partner_indices(step, draws, len(pool), pool.count_boxes)
            return self._mixed_in(positions, pool, level, parts)
        places, own = self._places_in(parts.stream), self._items.item_of(parts.stream.index)
        items = partner_indices(
            step,
            draws,
            len(pool),
            lambda item: len(self._items.get_ann_info(item)["bboxes"]),
            lambda age: places.before(own, age, level.pool),
        )
        return [self._earlier(item, level, parts) for item in items]

    def _places_in(self, stream: Stream) -> EpochPlaces:
        """The places of items in the epoch of a stream."""
        kept = self._places
        if kept is None or kept[:2] != (stream.seed, stream.epoch):
            order = self.epoch_order(len(self._items), stream.seed, stream.epoch)
            kept = self._places = (stream.seed, stream.epoch, EpochPlaces(order))
        return kept[2]

    def _mix_in_python(self, recipe: Recipe, number: int, parts: _Parts, results: Results) -> Any:
        """A transform that mixes, as MMDetection calls it."""
        step, level = recipe.steps[number], recipe.level(number)
        pool = _Pool(self._items, level.pool)
        chosen = _call(step, pool, step.transform.get_indexes)
        positions = chosen if isinstance(chosen, Sequence) else [chosen]
        mixed_in = self._mixed_in(positions, pool, level, parts)
        results["mix_results"] = [self._wrappers.outgoing(other) for other in mixed_in]
        results = self._call(step, results)
        if results is not None:
            results.pop("mix_results", None)
        return results

    def _mixed_in(self, positions: Sequence[int], pool: _Pool, level: Level, parts: _Parts) -> list[Results]:
        items = [pool.item(position) for position in positions]
        return [self._partner(item, level, parts) for item in items]

    def _partner(self, item: int, level: Level, parts: _Parts) -> Results:
        """Another sample that is mixed in: its state before the level of the step that mixes."""
        recipe = self._recipe_of(item)
        part = parts.take(parts_of(recipe, recipe.steps_before(level.key)))
        for retry in range(MOST_REJECTED):
            within = part.retried(retry)
            item = self._replacement(item, within.stream) if retry else item
            recipe = self._recipe_of(item)
            results = self._results(recipe, item)
            results = self._advance(recipe, results, within.stream, 0, recipe.steps_before(level.key), within)
            if results is not None:
                return results  # type: ignore[no-any-return]
        raise self._rejected_all(parts.wanted_by)

    def _earlier(self, item: int, level: Level, parts: _Parts) -> Results:
        """What a step with a cache has got of another sample: the first that has not been rejected in the place of
        that one, with the random numbers of that place.
        """
        stream = parts.stream.of_sample(self._items.sample_of(item))
        # It needs no number, but has one, as all parts have.
        parts.take(parts_of(self._recipe_of(item), self._recipe_of(item).steps_before(level.key)))
        for attempt in range(MOST_REJECTED):
            own = stream.attempt(attempt)
            item = self._replacement(item, own) if attempt else item
            recipe = self._recipe_of(item)
            count = recipe.steps_before(level.key)
            within = _Parts(own, 0, wanted_by=parts.wanted_by)
            results = self._advance(recipe, self._results(recipe, item), own, 0, count, within)
            if results is not None:
                return results  # type: ignore[no-any-return]
        raise self._rejected_all(parts.wanted_by)

    def _rejected_all(self, stream: Stream) -> TransformError:
        return rejected_all(*self._items.place_of(self._items.item_of(stream.index)))


class _Pool:
    """The dataset that a step chooses from, as transforms of MMDetection see it."""

    def __init__(self, items: Items, pool: npt.NDArray[np.int64] | None) -> None:
        self._items = items
        self._pool = pool

    def __len__(self) -> int:
        return len(self._items) if self._pool is None else len(self._pool)

    def item(self, position: int) -> int:
        return int(position) if self._pool is None else int(self._pool[position])

    def get_ann_info(self, position: int) -> dict[str, Any]:
        return self._items.get_ann_info(self.item(position))

    def count_boxes(self, position: int) -> int:
        return len(self.get_ann_info(position)["bboxes"])

    def __getitem__(self, position: int) -> dict[str, Any]:
        """What MMDetection 3's MixUp looks at to choose: whether there are boxes."""
        return {"gt_bboxes": self.get_ann_info(position)["bboxes"]}


class _Parts:
    """What is mixed into a sample, or into one of its parts.

    Parts have numbers from 1 on in the order in which they are mixed in. Those that are mixed into a part have the next
    numbers after its own, whether it then needs them or not, so that a number depends on the pipeline alone. A part
    that takes the place of a rejected one, and what is mixed into it, has the stream of the numbers ``_PART_STRIDE``
    further on.

    Args:
        stream: That of the sample, or of the part.
        taken: How many parts have numbers already.
        number: That of the part; 0 for the sample.
        retries: How many parts were rejected in the place of the part, and of those that it is mixed into.
        wanted_by: The stream of the sample that a batch asks for, where this is another one, out of a cache.

    Attributes:
        stream, wanted_by: As given.
    """

    def __init__(
        self, stream: Stream, taken: int, number: int = 0, retries: int = 0, wanted_by: Stream | None = None
    ) -> None:
        self.stream = stream
        self.wanted_by = wanted_by or stream
        self._taken = taken
        self._number = number
        self._retries = retries

    def take(self, within: int) -> _Parts:
        """The next part, into which up to ``within`` parts are mixed."""
        number = self._number + self._taken + 1
        self._taken += 1 + within
        return _Parts(self.stream, 0, number, self._retries, self.wanted_by)

    def retried(self, retry: int) -> _Parts:
        """The part, after so many rejections."""
        retries = self._retries + retry
        stream = self.stream.part(self._number + retries * _PART_STRIDE)
        return _Parts(stream, 0, self._number, retries, self.wanted_by)


def _add_annotations(
    results: Results, sample: NativeSample, step: st.LoadAnnotations, wrappers: Wrappers
) -> None:
    """What LoadAnnotations has put there, as the later steps have left it."""
    if step.with_bbox and wrappers.ignored_among:
        assert sample.ignore_flags is not None
        results["gt_bboxes"], results["gt_ignore_flags"] = sample.boxes, sample.ignore_flags.astype(bool)
        results["bbox_fields"].append("gt_bboxes")
    elif step.with_bbox:
        results["gt_bboxes_ignore"], results["gt_bboxes"] = sample.ignored, sample.boxes
        results["bbox_fields"] += ["gt_bboxes_ignore", "gt_bboxes"]
    if step.with_label:
        results["gt_labels"] = sample.labels
    if sample.masks is not None:
        results["gt_masks"] = wrappers.mask_objects(sample.masks)
        results["mask_fields"].append("gt_masks")


def _call(step: st.PythonStep, argument: Any, function: Callable[[Any], Any] | None = None) -> Any:
    """What the step's transform, or a function of its, makes of the argument."""
    try:
        return (function or step)(argument)
    except PenstockError:
        raise
    except Exception as error:
        name = type(step.transform).__name__
        raise TransformError(f"'{name}' raised {described_error(error)}") from error
