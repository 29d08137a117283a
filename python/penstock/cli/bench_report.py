"""What ``penstock bench`` says, once: the text, the picture and the page are made of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from penstock.loading.explain import as_text as explained
from penstock.loading.program import StepReport

__all__ = ["EpochLine", "Report", "StageLine", "as_text", "report_of"]

_NOTES = {
    "fetch": "reading",
    "decode": "encoded to pixels",
    "transform": "native transforms",
    "python": "Python's transforms and collate",
    "wait": "for a batch; of the time, while the others are of the work",
}
_COLORS = {"fetch": "#4e79a7", "decode": "#f28e2b", "transform": "#59a14f", "python": "#e15759", "wait": "#bab0ac"}


@dataclass(frozen=True)
class EpochLine:
    """One epoch, in words.

    Attributes:
        number: From 0.
        rate: Samples a second.
        first_batch: When the first batch came.
        cost: Processor time.
    """

    number: int
    rate: str
    first_batch: str
    cost: str


@dataclass(frozen=True)
class StageLine:
    """One stage.

    Attributes:
        name: The stage.
        seconds: For 1,000 samples, summed over threads.
        share: Of the work; of "wait": of the time.
        note: What it is.
        color: In pictures.
    """

    name: str
    seconds: float
    share: float
    note: str
    color: str


@dataclass(frozen=True)
class Report:
    """A benchmark, in words and numbers.

    Attributes:
        dataset: Path, length and tensors.
        loader: Who loaded, and how.
        steps: Of the transform: where each runs; none without one.
        epochs: One by one.
        peak: Memory.
        stages: Of the last epoch.
        remarks: What else was counted or tried.
        title: Rate and limit in a line.
        limit: What limits the speed, and what would help.
    """

    dataset: str
    loader: str
    steps: tuple[StepReport, ...]
    epochs: tuple[EpochLine, ...]
    peak: str
    stages: tuple[StageLine, ...]
    remarks: tuple[str, ...]
    title: str
    limit: str


def report_of(figures: dict[str, Any]) -> Report:
    """The report of what :func:`penstock.cli.bench.measure` returns."""
    loader = f"{figures['loader_type']}, {figures['threads']} threads"
    return Report(
        dataset=f"{figures['path']}: {figures['samples']} samples, {', '.join(figures['tensors'])}",
        loader=f"loader {loader}, batches of {figures['batch_size']}",
        steps=tuple(StepReport(**step) for step in figures["steps"]),
        epochs=tuple(
            EpochLine(
                number,
                f"{epoch['samples_per_second']:.0f} samples/s",
                f"first batch after {epoch['first_batch_seconds'] * 1000:.0f} ms",
                f"{epoch['cpu_seconds_per_1000']:.2f} CPU seconds per 1,000 samples",
            )
            for number, epoch in enumerate(figures["epochs"])
        ),
        peak=f"peak memory: {figures['peak_mib']:.0f} MiB",
        stages=tuple(
            StageLine(name, stage["seconds_per_1000"], stage["share"], _note(name, figures["stages"]), _COLORS[name])
            for name, stage in figures["stages"].items()
        ),
        remarks=tuple(_remarks(figures)),
        title=f"{figures['samples_per_second']:.0f} samples/s, {loader}; limiting stage: {figures['limiting_stage']}",
        limit=figures["limit"],
    )


def as_text(report: Report) -> str:
    """The report for a terminal."""
    lines = [
        report.dataset,
        report.loader,
        *(["", *explained(report.steps).splitlines()] if report.steps else []),
        "",
        *(
            f"epoch {epoch.number}: {epoch.rate.rjust(18)}   {epoch.first_batch}   {epoch.cost}"
            for epoch in report.epochs
        ),
        report.peak,
        "",
        "stage      seconds per 1,000 samples   share",
        *(f"{stage.name:<10} {stage.seconds:25.3f} {stage.share:7.1%}   {stage.note}" for stage in report.stages),
        *(["", *report.remarks] if report.remarks else []),
        "",
        f"limiting stage: {report.limit}",
    ]
    return "\n".join(lines)


def _remarks(figures: dict[str, Any]) -> Iterator[str]:
    stats = figures["stats"]
    if "bytes_read" in stats:
        yield (
            f"{stats['bytes_read'] / 1e6:.1f} MB read, {stats['encoded_bytes'] / 1e6:.1f} MB decoded, "
            f"{stats['cache_hits']:.0f} cache hits"
        )
    if figures["cache"] is not None and "coefficient_hits" in stats:
        yield (
            f"coefficients of {stats['coefficients_kept']:.0f} images kept, {stats['coefficient_bytes'] / 1e6:.1f} MB; "
            f"{stats['coefficient_hits']:.0f} hits, {stats['coefficient_misses']:.0f} misses"
        )
    if figures["cache_text"] is not None:
        yield figures["cache_text"]
    if figures["trace"] is not None:
        yield f"trace: {figures['trace']} (open it at https://ui.perfetto.dev or chrome://tracing)"


def _note(stage: str, stages: Collection[str]) -> str:
    everything = stage == "python" and "decode" not in stages
    return "reading, decoding, transforms and collate" if everything else _NOTES[stage]
