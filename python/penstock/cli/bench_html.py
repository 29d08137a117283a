"""The report as a page of its own, which needs nothing from elsewhere."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from pathlib import Path

from penstock.cli.bench_report import Report
from penstock.dataset.outputs import check_output_file
from penstock.errors import ConfigError
from penstock.loading.explain import where_it_runs

__all__ = ["check_html", "html_page"]

Rows = Iterable[tuple[str, ...]]

_BAR_HEIGHT, _BAR_STEP, _NAME_WIDTH, _BARS_WIDTH, _WIDTH = 22, 32, 90, 430, 720


def check_html(path: Path) -> None:
    """Finds what would keep a page from being written, before anything is measured.

    Raises:
        ConfigError: No HTML file, no folder there, a folder of that name, a place within a dataset, or nobody may write
            there.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"--html writes HTML files, got '{path}'", hint="Let its name end in .html")
    check_output_file("--html", path)


def html_page(report: Report, machine: Rows, tensors: Sequence[tuple[str, ...]], command: Sequence[str]) -> str:
    """The page. All text is escaped.

    Args:
        report: The benchmark.
        machine: What it ran on: names and texts.
        tensors: Of the dataset: a row of names of columns, then a row for each.
        command: What repeats the benchmark, word by word.
    """
    epochs = [(str(epoch.number), epoch.rate, epoch.first_batch, epoch.cost) for epoch in report.epochs]
    stages = [
        (stage.name, f"{stage.seconds:.3f}", f"{stage.share:.1%}", stage.note) for stage in report.stages
    ]
    steps = [(step.step, where_it_runs(step)) for step in report.steps]
    parts = [
        f"<h1>{escape(report.title)}</h1>",
        f"<p>{escape(report.dataset)}</p>",
        f"<p>{escape(report.loader)}</p>",
        _section("What limits the speed", f'<p class="limit">{escape(report.limit)}</p>'),
        _section(
            "Where the time went",
            "<p>Seconds for 1,000 samples of the last epoch, summed over threads.</p>" + _bars(report),
            _table(("stage", "seconds per 1,000 samples", "share", "what it is"), stages),
        ),
        _section("Epochs", _table(("epoch", "rate", "first batch", "cost"), epochs), f"<p>{escape(report.peak)}</p>"),
        _section("Steps of the pipeline", _table(("step", "runs in"), steps)) if steps else "",
        _section("Also", *(f"<p>{escape(remark)}</p>" for remark in report.remarks)) if report.remarks else "",
        _section("Dataset", _table(tensors[0], tensors[1:])),
        _section("Machine", _table(None, machine)),
        _section("To repeat it", f"<pre>{escape(shlex.join(command))}</pre>"),
    ]
    style = resources.files("penstock.cli").joinpath("bench.css").read_text()
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<title>penstock bench: {escape(report.title)}</title><style>{style}</style></head>\n"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>\n"


def _table(head: Sequence[str] | None, rows: Rows) -> str:
    def row(cells: Iterable[str], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"

    top = "" if head is None else f"<thead>{row(head, 'th')}</thead>"
    return f'<div class="wide"><table>{top}<tbody>{"".join(row(cells, "td") for cells in rows)}</tbody></table></div>'


def _bars(report: Report) -> str:
    longest = max((stage.seconds for stage in report.stages), default=0) or 1.0
    bars = []
    for number, stage in enumerate(report.stages):
        top, width = number * _BAR_STEP, stage.seconds / longest * _BARS_WIDTH
        middle = top + _BAR_HEIGHT / 2
        bars.append(
            f'<text x="{_NAME_WIDTH - 8}" y="{middle}" text-anchor="end">{escape(stage.name)}</text>'
            f'<rect x="{_NAME_WIDTH}" y="{top}" width="{width:.1f}" height="{_BAR_HEIGHT}" fill="{stage.color}"/>'
            f'<text x="{_NAME_WIDTH + width + 8:.1f}" y="{middle}">{stage.seconds:.2f} s ({stage.share:.0%})</text>'
        )
    height = len(report.stages) * _BAR_STEP
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="stages">{"".join(bars)}</svg>'
