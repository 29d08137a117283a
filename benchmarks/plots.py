"""How the plots of benchmarks/results look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

__all__ = ["OTHERS", "OURS", "RESULTS", "plt", "rate_bars"]

RESULTS = Path(__file__).resolve().parent / "results"
OURS, OTHERS = "#1f6feb", "#9aa5b1"


def rate_bars(axes: Any, results: dict[str, Any]) -> None:
    """A bar for each contender's images/s with the spread over the rounds, the fastest at the top."""
    ranked = sorted(results.items(), key=lambda item: item[1]["rate"][0])
    rates = [result["rate"] for _, result in ranked]
    medians = [rate[0] for rate in rates]
    spread = [[median - low for median, low, _ in rates], [high - median for median, _, high in rates]]
    colors = [OURS if name.startswith("penstock c++") else OTHERS for name, _ in ranked]
    bars = axes.barh([name for name, _ in ranked], medians, xerr=spread, color=colors, ecolor="#444444", capsize=3)
    axes.bar_label(bars, [f"{median:.0f}" for median in medians], padding=8)
    axes.set_xlim(0, max(high for _, _, high in rates) * 1.12)
    axes.spines[["top", "right"]].set_visible(False)
