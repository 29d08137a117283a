"""Draws benchmarks/results/open.json: time to open and to the first batch, and memory, against dataset size.

python benchmarks/plot_open.py
"""

from __future__ import annotations

import json

from plots import OTHERS, OURS, RESULTS, plt

PANELS = {
    "open_seconds": "seconds to open",
    "first_batch_seconds": "seconds to the first batch",
    "first_batch_mib": "MiB taken by then",
}
COLORS = {"penstock": OURS, "deeplake": OTHERS}


def main() -> None:
    record = json.loads((RESULTS / "open.json").read_text())
    figure, panels = plt.subplots(1, len(PANELS), figsize=(11, 3.2), layout="constrained")
    for axes, (key, title) in zip(panels, PANELS.items(), strict=True):
        for name, by_size in record["results"].items():
            sizes = [int(size) for size in by_size]
            # A log scale has no zero: memory that did not grow stands for a tenth of a MiB.
            least = 0.1 if key.endswith("mib") else 1e-6
            figures = [[max(value, least) for value in by_size[str(size)][key]] for size in sizes]
            middle, low, high = zip(*figures, strict=True)
            axes.plot(sizes, middle, marker="o", label=name, color=COLORS[name])
            axes.fill_between(sizes, low, high, color=COLORS[name], alpha=0.25)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("samples")
        axes.set_title(title)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend()
    figure.savefig(RESULTS / "open.png", dpi=110)


if __name__ == "__main__":
    main()
