"""A picture of the stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penstock.dataset.outputs import check_output_file
from penstock.errors import ConfigError
from penstock.extras import import_extra

__all__ = ["check_plot", "draw_stages"]

_COLORS = {"fetch": "#4e79a7", "decode": "#f28e2b", "transform": "#59a14f", "python": "#e15759", "wait": "#bab0ac"}


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


def draw_stages(figures: dict[str, Any], path: Path) -> None:
    """Writes a bar for each stage as a PNG file. Matplotlib's own state, its backend too, stays as it is."""
    figure = import_extra("matplotlib.figure", "penstock bench --plot", "cli").Figure(
        figsize=(8, 3.4), dpi=120, layout="constrained"
    )
    canvas = import_extra("matplotlib.backends.backend_agg", "penstock bench --plot", "cli").FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    stages = figures["stages"]
    names = list(stages)
    seconds = [stages[name]["seconds_per_1000"] for name in names]
    bars = axes.barh(names, seconds, color=[_COLORS[name] for name in names])
    axes.bar_label(
        bars, [f"{stage['seconds_per_1000']:.2f} s  ({stage['share']:.0%})" for stage in stages.values()], padding=4
    )
    axes.invert_yaxis()
    axes.margins(x=0.22)
    axes.set_xlabel("seconds for 1,000 samples, summed over threads (share of the work; of wait: of the time)")
    axes.set_title(
        f"{figures['samples_per_second']:.0f} samples/s, {figures['loader_type']}, {figures['threads']} threads; "
        f"limiting stage: {figures['limiting_stage']}"
    )
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    canvas.print_png(str(path))
