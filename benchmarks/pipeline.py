"""How fast whole detection pipelines run, from JPEGs to the batches that a detector trains on.

    python benchmarks/pipeline.py DATA [--dali-python PYTHON]

DATA is what benchmarks/make_coco.py wrote. For each recipe (benchmarks/recipes.py) all contenders run in turn, round by
round, with as many threads or workers. Checks first that they give the same images where nothing is drawn. Prints
images/s, ratios with their spread over the rounds, CPU time, peak memory and the time to the first batch; writes
benchmarks/results/pipeline.json. --dali-python names an interpreter that has nvidia-dali; without it DALI is left out.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tqdm import tqdm

from harness import Process, Summary, compare, write_results
from pipeline_contenders import CONTENDERS

HERE = Path(__file__).resolve().parent
OURS = "penstock c++"
ONE_THREAD = "penstock c++, 1 thread"
DALI = "dali"
DALI_RECIPES = ("b", "c")
#: Means of images that are resized by other libraries differ by this much at most, where pixels are some +-2.
TOLERANCE = 0.02


def commands(recipe: str, arguments: argparse.Namespace) -> dict[str, list[str]]:
    """What starts each contender."""
    script, settings = str(HERE / "pipeline_contenders.py"), [recipe, str(arguments.data)]
    numbers = [str(arguments.threads), str(arguments.batch_size)]
    result = {name: [sys.executable, script, name, *settings, *numbers] for name in CONTENDERS}
    result[ONE_THREAD] = [sys.executable, script, OURS, *settings, "1", numbers[1]]
    if arguments.dali_python is not None and recipe in DALI_RECIPES:
        result[DALI] = [arguments.dali_python, str(HERE / "pipeline_dali.py"), *settings, *numbers]
    if arguments.only:
        result = {name: command for name, command in result.items() if name in arguments.only}
    return result


def check_equal(started: dict[str, list[str]]) -> None:
    """Ends the program unless all contenders give the same images without flips."""
    means: dict[str, list[float]] = {}
    for name, command in started.items():
        process = Process(name, [*command, "--no-flip"])
        means[name] = process.ask("sums")
        process.close()
    reference = means[OURS]
    for name, own in means.items():
        worst = max(abs(a - b) for a, b in zip(own, reference, strict=True))
        if worst > TOLERANCE:
            sys.exit(f"{name} and {OURS} give different images (means differ by {worst:.3f}): nothing was measured")


def run_recipe(recipe: str, arguments: argparse.Namespace) -> list[Summary]:
    started = commands(recipe, arguments)
    if recipe in DALI_RECIPES:
        check_equal(started)
    with ExitStack() as stack:
        processes = [Process(name, command) for name, command in started.items()]
        for process in processes:
            stack.callback(process.close)
        with tqdm(total=arguments.rounds, unit="round", desc=recipe, disable=not sys.stderr.isatty()) as bar:
            return compare(processes, arguments.rounds, lambda _: bar.update())


def print_table(recipe: str, summaries: Sequence[Summary]) -> None:
    ours = next(summary for summary in summaries if summary.name == OURS)
    columns = f"{'img/s':>8}{'penstock c++ is':>26}{'CPU s/1000':>12}{'+peak MiB':>10}{'1st batch':>11}"
    print(f"\n{f'recipe {recipe}':26}{columns}")
    for summary in summaries:
        first = statistics.median(run["first_batch_seconds"] for run in summary.runs)
        print(
            f"{summary.name:26}{summary.rate[0]:8.0f}{_times(ours.ratio_to(summary)):>26}"
            f"{summary.cpu_seconds_per_1000:12.2f}{summary.peak_mib:10.0f}{first * 1000:8.0f} ms"
        )


def _times(values: tuple[float, float, float]) -> str:
    return f"{values[0]:.2f} x ({values[1]:.2f}-{values[2]:.2f})"


def revision() -> str:
    """The commit that was measured."""
    return subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False
    ).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--dali-python")
    parser.add_argument("--recipes", default="abc")
    parser.add_argument("--only", action="append", help="contenders to run, by name; default: all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "pipeline.json")
    arguments = parser.parse_args()
    results: list[Summary] = []
    for recipe in arguments.recipes:
        summaries = run_recipe(recipe, arguments)
        print_table(recipe, summaries)
        results += [Summary(**{**vars(summary), "name": f"{recipe}: {summary.name}"}) for summary in summaries]
    setting: dict[str, Any] = {
        "threads": arguments.threads,
        "batch_size": arguments.batch_size,
        "rounds": arguments.rounds,
        "revision": revision(),
    }
    command = f"python benchmarks/pipeline.py DATA --rounds {arguments.rounds} --dali-python PYTHON"
    write_results(arguments.out, command, setting, results)
    print(f"\nwritten to {arguments.out}")


if __name__ == "__main__":
    main()
