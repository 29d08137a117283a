"""What becomes of the samples that the C++ core has taken through the first steps of a pipeline, or through all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.detection import steps as st
from penstock.detection.native_steps import native_steps
from penstock.integrations.mmdet.pipeline.collecting import Collector, collector_of
from penstock.integrations.mmdet.pipeline.metas import Metas
from penstock.loading.draws import Stream
from penstock.loading.native.part import AnnotationTable, NativeBatch, NativePart, NativeSample

__all__ = ["native_part"]


def native_part(
    steps: Sequence[Any],
    polygons: bool | None,
    *,
    images: str = "",
    mixing: str = "",
    partner_steps: int | None = None,
    table: Callable[[], AnnotationTable],
    names: Callable[[int], Mapping[str, Any]],
    resume: Callable[[NativeSample, dict[str, Any], Stream, int], Any],
) -> NativePart | None:
    """The native part of a pipeline; None where the core cannot run its first step.

    Args:
        steps: The lowered pipeline.
        polygons, images, mixing: As for :func:`native_steps`.
        partner_steps: As for :class:`NativePart`.
        table: Gives the annotations.
        names: What the dataset notes of a sample, by its index: "filename", "ori_filename".
        resume: Takes a sample on from the core: its arrays, its notes, its stream, and the number of the next step.
    """
    count, _ = native_steps(steps, polygons, images, mixing)
    if count == 0:
        return None
    gray = steps[0].color == "gray"
    load = next((step for step in steps[:count] if isinstance(step, st.LoadAnnotations)), None)
    masks = "gt_masks" if load is not None and load.with_mask else None
    bitmaps = load is not None and load.poly2mask
    collector = collector_of(steps, gray=gray) if count == len(steps) else None
    if collector is not None:
        return NativePart(
            steps=collector.core_steps,
            table=table,
            image="img",
            masks=masks,
            bitmaps=bitmaps,
            gray=gray,
            layout=collector.layout,
            pad_value=collector.pad_value,
            partner_steps=partner_steps,
            complete=_Complete(collector, names),
        )
    while isinstance(steps[count - 1], st.BatchForm | st.MultiScaleFlipAug):
        count -= 1
    return NativePart(
        steps=tuple(steps[:count]),
        table=table,
        image="img",
        masks=masks,
        bitmaps=bitmaps,
        gray=gray,
        layout="rows",
        pad_value=0,
        partner_steps=partner_steps,
        resume=_Resume(Metas(steps[:count], gray=gray), names, resume, count),
    )


@dataclass(frozen=True)
class _Complete:
    collector: Collector
    names: Callable[[int], Mapping[str, Any]]

    def __call__(self, batch: NativeBatch) -> Any:
        return self.collector.batch(batch, self.names)


@dataclass(frozen=True)
class _Resume:
    metas: Metas
    names: Callable[[int], Mapping[str, Any]]
    resume: Callable[[NativeSample, dict[str, Any], Stream, int], Any]
    number: int

    def __call__(self, sample: NativeSample, stream: Stream) -> Any:
        notes = self.metas(sample.meta, self.names(int(sample.meta["index"])))
        return self.resume(sample, notes, stream, self.number)
