"""What the cache of coefficients brings, and what it takes.

    python benchmarks/coefficients.py DATA

DATA is what benchmarks/make_coco.py wrote. Decodes its JPEGs, and runs the recipes of benchmarks/recipes.py, without a
cache, with one in memory that is being filled, and then with one in memory and in a folder. All are checked to give
the same pixels, and take turns with libjpeg-turbo alone. Prints a table and what is kept of a byte of JPEG; writes
benchmarks/results/coefficients.json.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

import penstock
from ceiling import CEILING, Ceiling, encoded_images
from harness import Process, Summary, compare, write_results

HERE = Path(__file__).resolve().parent
FORMS = ("no cache", "first epoch", "memory", "folder")
#: What is loaded: JPEGs to pixels, YOLOv3's recipe, Faster R-CNN's.
LOADS = ("decode", "a", "b")


def processes_of(load: str, arguments: argparse.Namespace, folder: str) -> list[Process]:
    command = [sys.executable, str(HERE / "coefficients_contenders.py")]
    settings = [str(arguments.data), str(arguments.threads), str(arguments.batch_size), folder]
    return [Process(f"{load}: {form}", [*command, form, load, *settings]) for form in FORMS]


def check_equal(processes: list[Process]) -> None:
    """Ends the program unless all forms give the same pixels."""
    reference = processes[0].ask("sums")
    for process in processes[1:]:
        # Once to fill the cache, and once from it.
        if not process.ask("sums") == process.ask("sums") == reference:
            sys.exit(f"{process.name} and {processes[0].name} give different pixels: nothing was measured")


def print_table(load: str, summaries: list[Summary]) -> None:
    ceiling, first = summaries[:2]
    titles = ("img/s", "of libjpeg-turbo alone", "x without cache", "CPU s/1000", "+peak MiB")
    print(f"\n{load:22}{titles[0]:>8}{titles[1]:>26}{titles[2]:>24}{titles[3]:>12}{titles[4]:>10}")
    for summary in summaries:
        spread = [
            f"{middle:.2f} ({least:.2f}-{most:.2f})"
            for middle, least, most in (summary.ratio_to(ceiling), summary.ratio_to(first))
        ]
        print(
            f"{summary.name:22}{summary.rate[0]:8.0f}{spread[0]:>26}{spread[1]:>24}"
            f"{summary.cpu_seconds_per_1000:12.2f}{summary.peak_mib:10.0f}"
        )


def share_kept(data: Path, threads: int) -> float:
    """Bytes kept for a byte of JPEG."""
    with penstock.DataLoader(
        data / "lake", 8, tensors=["images"], loader_type="c++", num_threads=threads, cache="coefficients"
    ) as loader:
        for _ in loader:
            pass
        stats = loader.stats()
    tensor = penstock.open(data / "lake")["images"]
    return stats["coefficient_bytes"] / sum(len(tensor.bytes(index)) for index in range(len(tensor)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "coefficients.json")
    arguments = parser.parse_args()
    images = penstock.open(arguments.data / "lake")["images"]
    kept = share_kept(arguments.data, arguments.threads)
    everything: list[Summary] = []
    with ExitStack() as stack:
        blob = stack.enter_context(encoded_images(images))
        for load in LOADS:
            with ExitStack() as inner:
                folder = inner.enter_context(tempfile.TemporaryDirectory())
                contenders = processes_of(load, arguments, folder)
                ceiling = Ceiling(blob, arguments.threads, 1, len(images))
                for process in (*contenders, ceiling):
                    inner.callback(process.close)
                check_equal(contenders)
                with tqdm(total=arguments.rounds, unit="round", disable=not sys.stderr.isatty()) as bar:
                    summaries = compare([ceiling, *contenders], arguments.rounds, lambda _, bar=bar: bar.update())
            print_table(load, summaries)
            everything += [replace(summaries[0], name=f"{load}: {CEILING}"), *summaries[1:]]
    print(f"\n{kept:.2f} bytes are kept for a byte of JPEG")
    setting = {
        "threads": arguments.threads,
        "batch_size": arguments.batch_size,
        "images": len(images),
        "rounds": arguments.rounds,
        "bytes_kept_per_jpeg_byte": kept,
    }
    command = f"python benchmarks/coefficients.py DATA --rounds {arguments.rounds}"
    write_results(arguments.out, command, setting, everything)
    print(f"\nwritten to {arguments.out}")


if __name__ == "__main__":
    main()
