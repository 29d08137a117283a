"""Draws benchmarks/results/shuffle_quality.json: how well shuffle="chunk" shuffles, by the size of its window.

python benchmarks/plot_shuffle_quality.py
"""

from __future__ import annotations

import json

from plots import OTHERS, OURS, RESULTS, plt

PANELS = {
    "one_chunk_mean": "share of a batch from one chunk",
    "neighbours_in_batch": "stored neighbours in one batch",
    "chunk_reads": "reads of a chunk in an epoch",
}


def main() -> None:
    results = json.loads((RESULTS / "shuffle_quality.json").read_text())["results"]
    windows = [int(name) for name in results if name != "full"]
    figure, panels = plt.subplots(1, len(PANELS), figsize=(11, 3.2), layout="constrained")
    for axes, (key, title) in zip(panels, PANELS.items(), strict=True):
        values = [results[str(window)][key] for window in windows]
        axes.plot(windows, values, marker="o", color=OURS, label='shuffle="chunk"')
        axes.axhline(results["full"][key], color=OTHERS, linestyle="--", label='shuffle="full"')
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(windows, [str(window) for window in windows])
        axes.set_xlabel("window (chunks)")
        axes.set_title(title)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend()
    figure.savefig(RESULTS / "shuffle_quality.png", dpi=110)


if __name__ == "__main__":
    main()
