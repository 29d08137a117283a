"""Draws benchmarks/results/remote.json: images/s by the distance of the bucket.

python benchmarks/plot_remote.py
"""

from __future__ import annotations

import json

from plots import OURS, RESULTS, plt
from remote_tables import LINK, Figures, rate

_COLORS = ("#e36209", "#9aa5b1", "#6f42c1", "#2da44e")
#: Of Penstock's, by what their names have in them; the first that fits.
_STYLES = {"full": "-.", "shuffle": "--", "cache": (0, (1, 1)), "": "-"}
_TITLES = {"decode": "decode only", "recipe": "Faster R-CNN: resize to 1333 x 800, flip"}


def main() -> None:
    figures = Figures(json.loads((RESULTS / "remote.json").read_text()))
    tasks = [task for task in figures.tasks() if task in _TITLES]
    figure, panels = plt.subplots(1, len(tasks), figsize=(6 * len(tasks), 4.6), layout="constrained", squeeze=False)
    for axes, task in zip(panels[0], tasks, strict=True):
        places = figures.places(task)
        colors = iter(_COLORS)
        # What the link carries would be far above the rest.
        for contender in (name for name in figures.contenders(task) if name != LINK):
            ours = contender.startswith("penstock")
            style = next((style for word, style in _STYLES.items() if ours and word in contender), ":")
            # What was not measured at a place leaves a gap.
            found = [figures.median(task, contender, place, rate) for place in places]
            medians = [float("nan") if median is None else median for median in found]
            color = OURS if ours else next(colors)
            axes.plot(places, medians, linestyle=style, marker="o", markersize=4, color=color, label=contender)
        axes.set_ylim(bottom=0)
        axes.set_title(_TITLES[task], loc="left", fontsize="medium")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2, frameon=False)
    panels[0][0].set_ylabel(f"images/s, {figures.setting['threads']} threads (more is better)")
    figure.savefig(RESULTS / "remote.png", dpi=110)


if __name__ == "__main__":
    main()
