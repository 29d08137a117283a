"""How decoding grows with threads and with small batches, beside libjpeg-turbo alone with as many threads.

    python benchmarks/scaling.py DATASET

DATASET is as for benchmarks/decode.py. For 1, 2, 4, 8 and 16 threads, as far as the machine has cores, in turns:
libjpeg-turbo alone, and the C++ loader with batches of 4, 16 and 64 (or of ``--batch-sizes``). Then, for more threads
than there are cores, how busy the loader keeps threads that sleep in place of decoding, for as long as these images
take: with the batches of ``prefetch_factor`` alone under way, and with three samples for each thread beside (what the
loader does); ``--no-sleepers`` leaves that out. Writes benchmarks/results/scaling.json.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tqdm import tqdm

import penstock
from ceiling import CEILING, Ceiling, built_program, encoded_images
from harness import Process, Summary, compare, write_record
from penstock.loading.options import SAMPLES_A_THREAD, LoaderOptions

HERE = Path(__file__).resolve().parent
THREADS = (1, 2, 4, 8, 16)
BATCH_SIZES = (4, 16, 64)
#: Milliseconds that a thread sleeps for an image, on average: long enough for many of them to wake on two cores.
SLEEP = 4.0
#: Of an image's time, the share that grows with its bytes.
SHARE_OF_BYTES = 0.75
SLEEPERS = 4000
#: Whoever else uses the machine takes time away and adds none: the best of so many counts.
TRIES = 3


def measured(
    blob: Path, dataset: str, threads: int, arguments: argparse.Namespace, samples: int
) -> dict[str, dict[str, Any]]:
    """Figures of the ceiling and of the loader with each batch size."""
    with ExitStack() as stack:
        processes: list[Process] = [Ceiling(blob, threads, arguments.epochs, samples)]
        for batch_size in arguments.batch_sizes:
            command = [sys.executable, str(HERE / "decode_contenders.py"), "penstock c++", dataset]
            settings = map(str, (threads, batch_size, arguments.epochs))
            processes.append(Process(f"batches of {batch_size}", [*command, *settings]))
        for process in processes:
            stack.callback(process.close)
        with tqdm(
            desc=f"{threads} threads", total=arguments.rounds, unit="round", disable=not sys.stderr.isatty()
        ) as bar:
            summaries = compare(processes, arguments.rounds, lambda _: bar.update())
    ceiling = next(summary for summary in summaries if summary.name == CEILING)
    for summary in summaries:
        _print_row(f"{threads} threads, {summary.name}", summary, ceiling)
    return {summary.name: {**vars(summary), "of_the_ceiling": summary.ratio_to(ceiling)} for summary in summaries}


def _print_row(name: str, summary: Summary, ceiling: Summary) -> None:
    middle, least, most = summary.ratio_to(ceiling)
    print(
        f"{name:34}{summary.rate[0]:8.0f} img/s {middle:6.2f} ({least:.2f}-{most:.2f}) of the ceiling"
        f"{summary.cpu_seconds_per_1000:8.2f} CPU s / 1000"
    )


def busy_shares(images: penstock.Tensor) -> list[dict[str, Any]]:
    """The share of their time in which threads have work, by simulation."""
    sizes = [len(images.bytes(index)) for index in range(len(images))]
    mean = sum(sizes) / len(sizes)
    each = [SLEEP * 1000 * (1 - SHARE_OF_BYTES + SHARE_OF_BYTES * size / mean) for size in sizes]
    microseconds = "\n".join(f"{each[i % len(each)]:.0f}" for i in range(SLEEPERS))
    program = str(built_program("idle_threads"))
    rows = []
    for threads in (8, 16):
        for batch_size in (1, *BATCH_SIZES):
            prefetch = LoaderOptions.prefetch_factor
            row: dict[str, Any] = {"threads": threads, "batch_size": batch_size}
            for name, samples in (("by batches", 0), ("by batches and samples", SAMPLES_A_THREAD * threads)):
                command = [program, *map(str, (threads, batch_size, prefetch, samples))]
                row[name] = max(_busy_share(command, microseconds) for _ in range(TRIES))
            print(
                f"{threads} sleeping threads, batches of {batch_size:<3} busy for {row['by batches']:.3f} of the time "
                f"with {prefetch} batches under way, {row['by batches and samples']:.3f} as the loader does it"
            )
            rows.append(row)
    return rows


def _busy_share(command: list[str], microseconds: str) -> float:
    return float(subprocess.run(command, input=microseconds, text=True, check=True, capture_output=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=1, help="passes over the dataset in each run")
    parser.add_argument("--threads", type=int, nargs="+", help="default: 1, 2, 4, 8, 16, as far as there are cores")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=BATCH_SIZES, help="default: 4, 16, 64")
    parser.add_argument("--no-sleepers", action="store_true", help="decoding alone, without the simulation")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "scaling.json")
    arguments = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    images = penstock.open(arguments.dataset)["images"]
    results: dict[str, Any] = {}
    with encoded_images(images) as blob:
        for threads in arguments.threads or [count for count in THREADS if count <= cores]:
            results[str(threads)] = measured(blob, arguments.dataset, threads, arguments, len(images))
    sleeping = [] if arguments.no_sleepers else busy_shares(images)
    setting = {"images": len(images), "epochs": arguments.epochs, "rounds": arguments.rounds, "sleep_ms": SLEEP}
    command = f"python benchmarks/scaling.py DATASET --rounds {arguments.rounds}"
    write_record(arguments.out, command, setting, results, sleeping_threads=sleeping)
    print(f"\nwritten to {arguments.out}")


if __name__ == "__main__":
    main()
