"""How fast JPEGs of a Deep Lake dataset become batches of pixels, against what libjpeg-turbo alone can do.

    python benchmarks/decode.py DATASET

DATASET is a Deep Lake 3 directory with a tensor "images" of JPEGs (benchmarks/make_dataset.py writes one). Checks
first that all contenders give the same pixels. Prints images/s, ratios with their spread over the rounds, CPU time and
peak memory; writes benchmarks/results/decode.json.
"""

from __future__ import annotations

import argparse
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

import penstock
from decode_contenders import CONTENDERS
from harness import Process, Summary, compare, write_results
from penstock.loading.options import LoaderOptions

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CEILING = "libjpeg-turbo alone"


class Ceiling(Process):
    """The C++ program that decodes and does nothing else."""

    def __init__(self, images: Path, threads: int, epochs: int, samples: int) -> None:
        super().__init__(CEILING, [str(ceiling_program()), str(images), str(threads)])
        self._epochs = epochs
        self._samples = samples * epochs

    def ask(self, command: str) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"go {self._epochs}\n" if command == "go" else f"{command}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().split()
        if command == "sums":
            return [int(word) for word in answer]
        seconds = float(answer[0])
        return {"samples": self._samples, "seconds": seconds, "cpu_seconds": 0.0, "peak_mib": 0.0}


def ceiling_program() -> Path:
    """Builds benchmarks/cpp/jpeg_ceiling.cpp, optimised."""
    options = ["-DPENSTOCK_BUILD_TESTS=OFF", "-DPENSTOCK_BUILD_BENCHMARKS=ON"]
    subprocess.run(["cmake", "--preset", "release", *options], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    build = ROOT / "build" / "release"
    subprocess.run(["cmake", "--build", str(build), "--target", "jpeg_ceiling"], check=True, stdout=subprocess.DEVNULL)
    return build / "benchmarks" / "cpp" / "jpeg_ceiling"


@contextmanager
def encoded_images(tensor: penstock.Tensor) -> Iterator[Path]:
    """A file with the tensor's JPEGs, in the form that jpeg_ceiling reads."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(struct.pack("<Q", len(tensor)))
        for index in range(len(tensor)):
            data = tensor.bytes(index)
            file.write(struct.pack("<Q", len(data)) + data)
        file.flush()
        yield Path(file.name)


def check_equal(processes: Sequence[Process]) -> None:
    """Ends the program unless all contenders decode every image to the same pixels."""
    reference = processes[0].ask("sums")
    for process in processes[1:]:
        if process.ask("sums") != reference:
            sys.exit(f"{process.name} and {processes[0].name} give different pixels: nothing was measured")


def memory_bound_mib(images: penstock.Tensor, arguments: argparse.Namespace) -> float:
    """What the loader promises to stay below: batches of the largest image, and the chunks it may keep."""
    largest = max(int(height) * int(width) * 3 for height, width, *_ in images.shapes())
    batches = arguments.batch_size * (LoaderOptions.prefetch_factor + 2) * largest
    return (batches + LoaderOptions.chunk_cache_bytes) / 2**20


def print_table(summaries: Sequence[Summary]) -> None:
    by_name = {summary.name: summary for summary in summaries}
    deeplake = by_name["deeplake python"]
    print(f"\n{'':26}{'img/s':>8}{'of the ceiling':>24}{'x deeplake':>24}{'CPU s/1000':>12}{'+peak MiB':>10}")
    for summary in summaries:
        ceiling, times = summary.ratio_to(by_name[CEILING]), summary.ratio_to(deeplake)
        print(
            f"{summary.name:26}{summary.rate[0]:8.0f}{_spread(ceiling):>24}{_spread(times):>24}"
            f"{summary.cpu_seconds_per_1000 or float('nan'):12.2f}{summary.peak_mib or float('nan'):10.0f}"
        )


def _spread(values: tuple[float, float, float]) -> str:
    return f"{values[0]:.2f} ({values[1]:.2f}-{values[2]:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=1, help="passes over the dataset in each run")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "decode.json")
    arguments = parser.parse_args()
    images = penstock.open(arguments.dataset)["images"]
    with ExitStack() as stack:
        blob = stack.enter_context(encoded_images(images))
        processes: list[Process] = [Ceiling(blob, arguments.threads, arguments.epochs, len(images))]
        for name in CONTENDERS:
            command = [sys.executable, str(HERE / "decode_contenders.py"), name, arguments.dataset]
            settings = (arguments.threads, arguments.batch_size, arguments.epochs)
            processes.append(Process(name, [*command, *map(str, settings)]))
        for process in processes:
            stack.callback(process.close)
        check_equal(processes)
        with tqdm(total=arguments.rounds, unit="round", disable=not sys.stderr.isatty()) as bar:
            summaries = compare(processes, arguments.rounds, lambda _: bar.update())
    print_table(summaries)
    bound = memory_bound_mib(images, arguments)
    peak = next(summary.peak_mib for summary in summaries if summary.name == "penstock c++")
    print(f"\npenstock c++ took {peak:.0f} MiB; its batches and its chunk budget allow {bound:.0f}")
    setting = {
        "threads": arguments.threads,
        "batch_size": arguments.batch_size,
        "images": len(images),
        "epochs": arguments.epochs,
        "rounds": arguments.rounds,
        "memory_bound_mib": bound,
    }
    write_results(arguments.out, f"python benchmarks/decode.py DATASET --rounds {arguments.rounds}", setting, summaries)
    print(f"\nwritten to {arguments.out}")


if __name__ == "__main__":
    main()
