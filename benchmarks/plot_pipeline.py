"""Draws benchmarks/results/pipeline.json: images/s of each contender on each recipe, with the spread over the rounds.

python benchmarks/plot_pipeline.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

RESULTS = Path(__file__).resolve().parent / "results"
TITLES = {
    "a": "(a) YOLOv3: expand, crop, resize, flip, distort",
    "b": "(b) Faster R-CNN: resize to 1333 x 800, flip",
    "c": "(c) resize to 416 x 416, flip",
}


def draw(axes: Any, title: str, results: dict[str, Any]) -> None:
    """One recipe's bars, the fastest at the top."""
    ranked = sorted(results.items(), key=lambda item: item[1]["rate"][0])
    rates = [result["rate"] for _, result in ranked]
    medians = [rate[0] for rate in rates]
    spread = [[median - low for median, low, _ in rates], [high - median for median, _, high in rates]]
    colors = ["#1f6feb" if name.startswith("penstock c++") else "#9aa5b1" for name, _ in ranked]
    bars = axes.barh([name for name, _ in ranked], medians, xerr=spread, color=colors, ecolor="#444444", capsize=3)
    axes.bar_label(bars, [f"{median:.0f}" for median in medians], padding=8)
    axes.set_xlim(0, max(high for _, _, high in rates) * 1.12)
    axes.set_title(title, loc="left", fontsize="medium")
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    record = json.loads((RESULTS / "pipeline.json").read_text())
    recipes: dict[str, dict[str, Any]] = {}
    for name, result in record["results"].items():
        recipe, _, contender = name.partition(": ")
        recipes.setdefault(recipe, {})[contender] = result
    sizes = [len(results) for results in recipes.values()]
    figure, rows = plt.subplots(
        len(recipes), figsize=(8, 0.42 * sum(sizes) + 1.6), height_ratios=sizes, layout="constrained", squeeze=False
    )
    for axes, (recipe, results) in zip(rows[:, 0], sorted(recipes.items()), strict=True):
        draw(axes, TITLES[recipe], results)
    setting = record["setting"]
    unit = "images/s: JPEG to padded float batches"
    rows[-1, 0].set_xlabel(f"{unit}, {setting['threads']} threads or workers (more is better)")
    figure.savefig(RESULTS / "pipeline.png", dpi=110)


if __name__ == "__main__":
    main()
