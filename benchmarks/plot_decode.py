"""Draws benchmarks/results/decode.json: images/s of each contender, with the spread over the rounds.

python benchmarks/plot_decode.py
"""

from __future__ import annotations

import json

from plots import RESULTS, plt, rate_bars


def main() -> None:
    record = json.loads((RESULTS / "decode.json").read_text())
    results = record["results"]
    figure, axes = plt.subplots(figsize=(8, 0.55 * len(results) + 1.2), layout="constrained")
    rate_bars(axes, results)
    setting = record["setting"]
    axes.set_xlabel(f"images/s: JPEG to uint8 batches, {setting['threads']} threads or workers (more is better)")
    figure.savefig(RESULTS / "decode.png", dpi=110)


if __name__ == "__main__":
    main()
