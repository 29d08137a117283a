"""What becomes of the samples that the C++ core has taken through the first steps of a pipeline, or through all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

from penstock.described import described
from penstock.detection import steps as st
from penstock.detection.epoch_places import EpochOrder
from penstock.detection.items import LoadedItems, Runner
from penstock.detection.native_steps import native_steps, why_not_images, why_not_mixing
from penstock.detection.recipe import takes_from_cache
from penstock.loading.draws import Stream
from penstock.loading.native.part import NativeBatch, NativePart, NativeSample
from penstock.loading.program import Color, Program, StepReport

__all__ = ["CoreCollector", "Notes", "items_program", "native_part", "step_reports"]

#: Makes a framework's notes on a sample: of its numbers by the core's column names, and of what the dataset notes of
#: it.
Notes = Callable[[Mapping[str, float], Mapping[str, Any]], dict[str, Any]]


class CoreCollector(Protocol):
    """Makes a framework's batch of a pipeline that ran in the core to its end."""

    @property
    def core_steps(self) -> tuple[Any, ...]:
        """The steps, as the core runs them."""
        ...

    @property
    def layout(self) -> Literal["stack", "planes"]: ...

    @property
    def pad_value(self) -> float: ...

    def batch(self, native: NativeBatch, names: Callable[[int], Mapping[str, Any]]) -> Any:
        """The batch. ``names``: what the dataset notes of a sample, by its index."""
        ...


def items_program(
    dataset: LoadedItems,
    *,
    color: Color,
    collate: Callable[[list[Any]], Any],
    collector_of: Callable[[Sequence[Any], bool], CoreCollector | None],
    notes_of: Callable[[Sequence[Any], bool], Notes],
    texts: Callable[[Any], str] = described,
    order: EpochOrder | None = None,
) -> Program:
    """The program that gives the items of a framework's dataset.

    Args:
        dataset: The dataset.
        color: As its pipeline loads images.
        collate: Makes a batch of samples that have gone through the pipeline.
        collector_of, notes_of: As of :func:`native_part`.
        texts: As of :func:`step_reports`.
        order: The order of the items in an epoch; None: that in which a loader shuffles samples.
    """
    runner = dataset.runner if order is None else dataset.runner.ordered(order)
    return Program(
        run=runner.run,
        collate=collate,
        color={"img": color},
        needs_index=True,
        reads=tuple(dataset.tensors.read),
        native=native_part(dataset, runner, collector_of=collector_of, notes_of=notes_of),
        steps=step_reports(dataset, texts),
    )


def native_part(
    dataset: LoadedItems,
    runner: Runner,
    *,
    collector_of: Callable[[Sequence[Any], bool], CoreCollector | None],
    notes_of: Callable[[Sequence[Any], bool], Notes],
) -> NativePart | None:
    """The native part of a dataset's pipeline; None where the core cannot run its first step.

    Args:
        dataset: The dataset.
        runner: Runs its pipeline in Python.
        collector_of: Gives the collector of all steps, which the core can run; None where it cannot collect what they
            end with. The second argument: images are gray.
        notes_of: Gives what makes the notes after some steps.
    """
    steps = dataset.recipe.steps
    count, _ = _native_steps(dataset)
    if count == 0:
        return None
    gray = steps[0].color == "gray"
    load = next((step for step in _each(steps[:count]) if isinstance(step, st.LoadAnnotations)), None)
    masks = "gt_masks" if load is not None and load.with_mask else None
    bitmaps = load is not None and load.poly2mask
    order = None
    if any(takes_from_cache(step) for step in steps[:count]):
        order = partial(runner.epoch_order, len(dataset.indices))
    collector = collector_of(steps, gray) if count == len(steps) else None
    if collector is not None:
        return NativePart(
            steps=collector.core_steps,
            table=dataset.annotation_table,
            image="img",
            masks=masks,
            bitmaps=bitmaps,
            gray=gray,
            layout=collector.layout,
            pad_value=collector.pad_value,
            partner_steps=_partner_steps(dataset, collector.core_steps),
            epoch_order=order,
            complete=_Complete(collector, dataset.names_of),
        )
    while isinstance(steps[count - 1], st.BatchForm | st.MultiScaleFlipAug | st.TestTimeAug):
        count -= 1
    return NativePart(
        steps=tuple(steps[:count]),
        table=dataset.annotation_table,
        image="img",
        masks=masks,
        bitmaps=bitmaps,
        gray=gray,
        layout="rows",
        pad_value=0,
        partner_steps=_partner_steps(dataset, steps[:count]),
        epoch_order=order,
        resume=_Resume(notes_of(steps[:count], gray), dataset.names_of, runner.resume, count),
    )


def step_reports(dataset: LoadedItems, texts: Callable[[Any], str] = described) -> tuple[StepReport, ...]:
    """Where each step of a dataset's pipeline runs. ``texts``: how a transform's configuration reads."""
    count, reason = _native_steps(dataset)
    reports = []
    for number, (transform, step) in enumerate(zip(dataset.transforms, dataset.recipe.steps, strict=True)):
        why = step.reason if isinstance(step, st.PythonStep) else "it comes after"
        native = number < count
        reports.append(StepReport(texts(transform), native, "" if native else reason if number == count else why))
    return tuple(reports)


def _each(steps: Sequence[Any]) -> Iterator[Any]:
    """All steps, those of views too."""
    for step in steps:
        yield step
        if isinstance(step, st.TestTimeAug):
            yield from step.views[0]


def _native_steps(dataset: LoadedItems) -> tuple[int, str]:
    recipe = dataset.recipe
    return native_steps(recipe.steps, dataset.polygons, why_not_images(dataset), why_not_mixing(recipe))


def _partner_steps(dataset: LoadedItems, steps: Sequence[Any]) -> tuple[int, ...]:
    """Of as many steps as the core runs, of which what stands for the end of a pipeline mixes nothing."""
    known = dataset.recipe.partner_steps
    return (*known, *[0] * len(steps))[: len(steps)]


@dataclass(frozen=True)
class _Complete:
    collector: CoreCollector
    names: Callable[[int], Mapping[str, Any]]

    def __call__(self, batch: NativeBatch) -> Any:
        return self.collector.batch(batch, self.names)


@dataclass(frozen=True)
class _Resume:
    notes: Notes
    names: Callable[[int], Mapping[str, Any]]
    resume: Callable[[NativeSample, dict[str, Any], Stream, int], Any]
    number: int

    def __call__(self, sample: NativeSample, stream: Stream) -> Any:
        notes = self.notes(sample.meta, self.names(int(sample.meta["index"])))
        return self.resume(sample, notes, stream, self.number)
