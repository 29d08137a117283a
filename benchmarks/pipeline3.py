"""How fast the pipelines of MMDetection 3 and Detectron2 run, beside these frameworks' own loaders.

    python benchmarks/pipeline3.py DATA [--mmdet3 PYTHON] [--detectron2 PYTHON]

DATA is what benchmarks/make_coco.py wrote. Each framework has an environment of its own, whose interpreter is named:
what is not named is left out. All contenders of a recipe take turns, round by round, with as many threads or workers;
batches are what the frameworks' models take, on the CPU. Prints images/s, ratios with their spread over the rounds, CPU
time, peak memory of the loader's process and the time to the first batch; writes benchmarks/results/pipeline3.json.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from harness import Process, Summary, compare, write_results
from pipeline import revision
from pipeline3_contenders import CONTENDERS

HERE = Path(__file__).resolve().parent
OURS = "penstock c++"


def run_recipe(recipe: str, python: str, arguments: argparse.Namespace) -> list[Summary]:
    numbers = [str(arguments.threads), str(arguments.batch_size), str(arguments.images)]
    script = str(HERE / "pipeline3_contenders.py")
    with ExitStack() as stack:
        processes = []
        for name in CONTENDERS[recipe]:
            command = [python, "-W", "ignore", script, name, recipe, str(arguments.data), *numbers]
            processes.append(Process(name, command))
            stack.callback(processes[-1].close)
        with tqdm(total=arguments.rounds, unit="round", desc=recipe, disable=not sys.stderr.isatty()) as bar:
            return compare(processes, arguments.rounds, lambda _: bar.update())


def table(recipe: str, summaries: list[Summary]) -> str:
    """In Markdown."""
    ours = next(summary for summary in summaries if summary.name == OURS)
    titles = [recipe, "img/s", "penstock c++ is", "CPU s/1000", "peak MiB", "first batch"]
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for summary in summaries:
        median, least, most = ours.ratio_to(summary)
        first = statistics.median(run["first_batch_seconds"] for run in summary.runs)
        lines.append(
            f"| {summary.name} | {summary.rate[0]:.0f} | {median:.2f} x ({least:.2f} to {most:.2f}) "
            f"| {summary.cpu_seconds_per_1000:.1f} | {summary.peak_mib:.0f} | {first * 1000:.0f} ms |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--mmdet3", help="an interpreter that has MMDetection 3 and penstock")
    parser.add_argument("--detectron2", help="an interpreter that has Detectron2 and penstock")
    parser.add_argument("--recipes", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--images", type=int, default=320, help="of a run, in whole batches")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "pipeline3.json")
    arguments = parser.parse_args()
    setting = {
        "threads": arguments.threads,
        "batch_size": arguments.batch_size,
        "images": arguments.images,
        "rounds": arguments.rounds,
        "revision": revision(),
    }
    command = f"python benchmarks/pipeline3.py DATA --rounds {arguments.rounds} --mmdet3 PYTHON --detectron2 PYTHON"
    results: list[Summary] = []
    for recipe in arguments.recipes:
        python = arguments.detectron2 if recipe.startswith("detectron2") else arguments.mmdet3
        if python is None:
            continue
        summaries = run_recipe(recipe, python, arguments)
        print(table(recipe, summaries) + "\n", flush=True)
        results += [Summary(**{**vars(summary), "name": f"{recipe}: {summary.name}"}) for summary in summaries]
        # What is known is kept, whatever comes of the next.
        write_results(arguments.out, command, setting, results)
    print(f"written to {arguments.out}")


if __name__ == "__main__":
    main()
