"""A picture of the stages."""

from __future__ import annotations

from pathlib import Path

from penstock.cli.bench_report import Report
from penstock.dataset.outputs import check_output_file
from penstock.errors import ConfigError
from penstock.extras import import_extra

__all__ = ["check_plot", "draw_stages"]


def check_plot(path: Path) -> None:
    """Finds what would keep a picture from being written, before anything is measured.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ConfigError: No folder there, a folder of that name, a place within a dataset, or no PNG file.
    """
    import_extra("matplotlib.figure", "penstock bench --plot", "cli")
    if path.suffix.lower() != ".png":
        raise ConfigError(f"--plot writes PNG files, got '{path}'")
    check_output_file("--plot", path)


def draw_stages(report: Report, path: Path) -> None:
    """Writes a bar for each stage as a PNG file. Matplotlib's own state, its backend too, stays as it is."""
    figure = import_extra("matplotlib.figure", "penstock bench --plot", "cli").Figure(
        figsize=(8, 3.4), dpi=120, layout="constrained"
    )
    canvas = import_extra("matplotlib.backends.backend_agg", "penstock bench --plot", "cli").FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    stages = report.stages
    bars = axes.barh(
        [stage.name for stage in stages],
        [stage.seconds for stage in stages],
        color=[stage.color for stage in stages],
    )
    axes.bar_label(bars, [f"{stage.seconds:.2f} s  ({stage.share:.0%})" for stage in stages], padding=4)
    axes.invert_yaxis()
    axes.margins(x=0.22)
    axes.set_xlabel("seconds for 1,000 samples, summed over threads (share of the work; of wait: of the time)")
    axes.set_title(report.title)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    canvas.print_png(str(path))
