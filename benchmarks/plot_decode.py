"""Draws benchmarks/results/decode.json: images/s of each contender, with the spread over the rounds.

python benchmarks/plot_decode.py
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    record = json.loads((RESULTS / "decode.json").read_text())
    # The fastest at the top of the picture.
    results = sorted(record["results"].items(), key=lambda item: item[1]["rate"][0])
    names = [name for name, _ in results]
    rates = [result["rate"] for _, result in results]
    medians = [rate[0] for rate in rates]
    spread = [[median - low for median, low, _ in rates], [high - median for median, _, high in rates]]
    figure, axes = plt.subplots(figsize=(8, 0.55 * len(names) + 1.2), layout="constrained")
    colors = ["#1f6feb" if name == "penstock c++" else "#9aa5b1" for name in names]
    bars = axes.barh(names, medians, xerr=spread, color=colors, ecolor="#444444", capsize=3)
    axes.bar_label(bars, [f"{median:.0f}" for median in medians], padding=8)
    axes.set_xlim(0, max(high for _, _, high in rates) * 1.12)
    setting = record["setting"]
    axes.set_xlabel(f"images/s: JPEG to uint8 batches, {setting['threads']} threads or workers (more is better)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(RESULTS / "decode.png", dpi=110)


if __name__ == "__main__":
    main()
