"""How fast JPEGs of a Deep Lake dataset become batches of pixels, against what libjpeg-turbo alone can do.

    python benchmarks/decode.py DATASET
    python benchmarks/decode.py DATASET --threads 1 2 --peers-python PYTHON

DATASET is a Deep Lake 3 directory with a tensor "images" of JPEGs (benchmarks/make_dataset.py writes one). Checks
first that all contenders give the same pixels. PYTHON is an interpreter that has what requirements/decode-peers.txt
names, or some of it: decoders of others, whose pixels may differ; by how much is stated. Prints images/s, ratios with
their spread over the rounds, CPU time and peak memory; writes benchmarks/results/decode.json, where "results" are of
the last number of threads.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tqdm import tqdm

import penstock
from ceiling import CEILING, Ceiling, encoded_images
from decode_contenders import CONTENDERS
from harness import Process, Summary, compare, write_record
from penstock.loading.options import SAMPLES_A_THREAD, LoaderOptions

HERE = Path(__file__).resolve().parent


def check_equal(processes: Sequence[Process]) -> None:
    """Ends the program unless all contenders decode every image to the same pixels."""
    reference = processes[0].ask("sums")
    for process in processes[1:]:
        if process.ask("sums") != reference:
            sys.exit(f"{process.name} and {processes[0].name} give different pixels: nothing was measured")


def differences(peer: Process, ceiling: Process, count: int) -> tuple[float, float]:
    """The largest and the mean difference of a peer's pixels from libjpeg-turbo's, over the first images."""
    with tempfile.NamedTemporaryFile() as pixels:
        ceiling.ask(f"pixels {pixels.name} {count}")
        answer = peer.ask(f"sums {pixels.name} {count}")
    return max(answer[::2]), sum(answer[1::2]) / count


def memory_bound_mib(images: penstock.Tensor, batch_size: int, threads: int) -> float:
    """What the loader promises to stay below: batches of the largest image, and the chunks it may keep."""
    largest = max(int(height) * int(width) * 3 for height, width, *_ in images.shapes())
    under_way = max(LoaderOptions.prefetch_factor, 1 + -(-SAMPLES_A_THREAD * threads // batch_size))
    return (batch_size * (under_way + 2) * largest + LoaderOptions.chunk_cache_bytes) / 2**20


def print_table(summaries: Sequence[Summary], differ: dict[str, tuple[float, float]]) -> None:
    by_name = {summary.name: summary for summary in summaries}
    deeplake = by_name["deeplake python"]
    print(
        f"\n{'':26}{'img/s':>8}{'of the ceiling':>24}{'x deeplake':>24}{'CPU s/1000':>12}{'+peak MiB':>10}"
        f"{'pixels differ by':>20}"
    )
    for summary in summaries:
        ceiling, times = summary.ratio_to(by_name[CEILING]), summary.ratio_to(deeplake)
        largest, mean = differ.get(summary.name, (0, 0))
        print(
            f"{summary.name:26}{summary.rate[0]:8.0f}{_spread(ceiling):>24}{_spread(times):>24}"
            f"{summary.cpu_seconds_per_1000:12.2f}{summary.peak_mib or float('nan'):10.0f}"
            f"{f'{largest:.0f}, mean {mean:.3f}' if largest else '0':>20}"
        )


def _spread(values: tuple[float, float, float]) -> str:
    return f"{values[0]:.2f} ({values[1]:.2f}-{values[2]:.2f})"


def peers_of(python: str | None, blob: Path) -> dict[str, str | None]:
    """What each peer lacks, by its name; None where it can run."""
    if python is None:
        return {}
    command = [python, str(HERE / "decode_peers.py"), "present", str(blob)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    peers: dict[str, str | None] = json.loads(answer.splitlines()[-1])
    for name, lack in peers.items():
        if lack is not None:
            print(f"{name} is left out: {lack}")
    return peers


def measured(
    blob: Path, images: int, threads: int, peers: Sequence[str], arguments: argparse.Namespace
) -> dict[str, dict[str, Any]]:
    """The figures of all contenders with so many threads, by name."""
    settings = [*map(str, (threads, arguments.batch_size, arguments.epochs))]
    with ExitStack() as stack:
        ceiling = Ceiling(blob, threads, arguments.epochs, images)
        own = [
            Process(name, [sys.executable, str(HERE / "decode_contenders.py"), name, arguments.dataset, *settings])
            for name in CONTENDERS
        ]
        others = [
            Process(name, [arguments.peers_python, str(HERE / "decode_peers.py"), name, str(blob), *settings])
            for name in peers
        ]
        processes = [ceiling, *own, *others]
        for process in processes:
            stack.callback(process.close)
        check_equal([ceiling, *own])
        differ = {peer.name: differences(peer, ceiling, min(images, arguments.compared)) for peer in others}
        with tqdm(total=arguments.rounds, unit="round", disable=not sys.stderr.isatty()) as bar:
            summaries = compare(processes, arguments.rounds, lambda _: bar.update())
    print(f"\n{threads} threads")
    print_table(summaries, differ)
    return {
        summary.name: {**vars(summary), "pixels_differ_by": differ.get(summary.name, (0.0, 0.0))}
        for summary in summaries
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--threads", type=int, nargs="+", default=[2])
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=1, help="passes over the dataset in each run")
    parser.add_argument("--peers-python", help="interpreter that has what requirements/decode-peers.txt names")
    parser.add_argument("--compared", type=int, default=160, help="images whose pixels are compared with the peers'")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "decode.json")
    arguments = parser.parse_args()
    images = penstock.open(arguments.dataset)["images"]
    with encoded_images(images) as blob:
        peers = peers_of(arguments.peers_python, blob)
        present = [name for name, lack in peers.items() if lack is None]
        results = {threads: measured(blob, len(images), threads, present, arguments) for threads in arguments.threads}
    threads = arguments.threads[-1]
    peak = results[threads]["penstock c++"]["peak_mib"]
    bound = memory_bound_mib(images, arguments.batch_size, threads)
    print(f"\npenstock c++ took {peak:.0f} MiB; its batches and its chunk budget allow {bound:.0f}")
    setting = {
        "threads": threads,
        "batch_size": arguments.batch_size,
        "images": len(images),
        "epochs": arguments.epochs,
        "rounds": arguments.rounds,
        "memory_bound_mib": bound,
        "peers_left_out": {name: lack for name, lack in peers.items() if lack is not None},
    }
    command = f"python benchmarks/decode.py DATASET --rounds {arguments.rounds}"
    if len(results) > 1:
        command += f" --threads {' '.join(map(str, results))}"
    more = {f"results_of_{count}_threads": of_count for count, of_count in results.items() if count != threads}
    write_record(arguments.out, command + " --peers-python PYTHON" * bool(peers), setting, results[threads], **more)
    print(f"\nwritten to {arguments.out}")


if __name__ == "__main__":
    main()
