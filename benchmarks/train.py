"""How much of a training step is spent waiting for data: with MMDetection's loader, Deep Lake's integration, Penstock.

    python benchmarks/train.py DATA

DATA is what benchmarks/make_coco.py wrote. Each contender trains the same detector (YOLOv3 with a MobileNetV2 of the
given width) on the same recipe with mmcv's own runner; they take turns, round by round. What counts is the "data_time"
that MMDetection logs, as a share of its "time". On the GPU where there is one; on a CPU the model and the loaders share
the cores. Writes benchmarks/results/train.json.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from harness import Process, Summary, compare, write_results
from pipeline_contenders import CONTENDERS

HERE = Path(__file__).resolve().parent
OURS = "penstock c++"


def spread(summary: Summary, key: str) -> tuple[float, float, float]:
    """Median, smallest and largest of a figure over the rounds."""
    values = [run[key] for run in summary.runs]
    return statistics.median(values), min(values), max(values)


def print_table(summaries: Sequence[Summary]) -> None:
    ours = next(summary for summary in summaries if summary.name == OURS)
    print(f"\n{'':24}{'waiting for data':>26}{'img/s trained':>15}{'penstock c++ is':>26}")
    for summary in summaries:
        share, least, most = (f"{100 * value:.1f} %" for value in spread(summary, "waiting_share"))
        rate = spread(summary, "images_per_second")[0]
        ratios = [
            own["images_per_second"] / theirs["images_per_second"]
            for own, theirs in zip(ours.runs, summary.runs, strict=True)
        ]
        times = f"{statistics.median(ratios):.2f} x ({min(ratios):.2f}-{max(ratios):.2f})"
        print(f"{summary.name:24}{f'{share} ({least}-{most})':>26}{rate:15.1f}{times:>26}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--recipe", choices="abc", default="a", help="of benchmarks/recipes.py (default: a, YOLOv3's)")
    parser.add_argument("--threads", type=int, default=2, help="threads or workers of the loaders")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--width", type=float, default=0.25, help="of the model; 1 is MMDetection's own")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "train.json")
    arguments = parser.parse_args()
    setting: dict[str, Any] = {
        key: getattr(arguments, key)
        for key in ("recipe", "threads", "batch_size", "iterations", "rounds", "width", "device")
    }
    numbers = [arguments.threads, arguments.batch_size, arguments.iterations, arguments.device, arguments.width]
    with ExitStack() as stack:
        processes = []
        for name in CONTENDERS:
            command = [sys.executable, str(HERE / "train_contenders.py"), name, arguments.recipe, str(arguments.data)]
            processes.append(Process(name, [*command, *map(str, numbers)]))
            stack.callback(processes[-1].close)
        with tqdm(total=arguments.rounds, unit="round", disable=not sys.stderr.isatty()) as bar:
            summaries = compare(processes, arguments.rounds, lambda _: bar.update())
    print_table(summaries)
    command = " ".join(f"--{key} {getattr(arguments, key)}" for key in ("rounds", "iterations", "width"))
    write_results(arguments.out, f"python benchmarks/train.py DATA {command}", setting, summaries)
    print(f"\nwritten to {arguments.out}")


if __name__ == "__main__":
    main()
