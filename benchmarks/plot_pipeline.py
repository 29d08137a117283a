"""Draws benchmarks/results/pipeline.json: images/s of each contender on each recipe, with the spread over the rounds.

python benchmarks/plot_pipeline.py
"""

from __future__ import annotations

import json
from typing import Any

from plots import RESULTS, plt, rate_bars

TITLES = {
    "a": "(a) YOLOv3: expand, crop, resize, flip, distort",
    "b": "(b) Faster R-CNN: resize to 1333 x 800, flip",
    "c": "(c) resize to 416 x 416, flip",
}


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
        rate_bars(axes, results)
        axes.set_title(TITLES[recipe], loc="left", fontsize="medium")
    setting = record["setting"]
    unit = "images/s: JPEG to padded float batches"
    rows[-1, 0].set_xlabel(f"{unit}, {setting['threads']} threads or workers (more is better)")
    figure.savefig(RESULTS / "pipeline.png", dpi=110)


if __name__ == "__main__":
    main()
