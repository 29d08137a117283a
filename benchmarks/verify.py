"""How fast penstock.verify checks a dataset of JPEGs, against the loader and what libjpeg-turbo alone can do.

    python benchmarks/verify.py DATASET

DATASET is that of benchmarks/decode.py. All decode every image, in turns. Writes benchmarks/results/verify.json.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

import penstock
from ceiling import CEILING, Ceiling, encoded_images
from harness import Process, compare, serve, write_results

HERE = Path(__file__).resolve().parent
LOADER = "penstock c++"


class Verify:
    """One run checks the whole dataset."""

    def __init__(self, path: str, threads: int, fast: bool) -> None:
        self.path = path
        self.threads = threads
        self.fast = fast

    def run(self) -> int:
        report = penstock.verify(self.path, tensors=["images"], num_threads=self.threads, fast=self.fast)
        if not report.ok:
            raise RuntimeError(str(report.findings[0]))
        return report.samples

    def sums(self) -> list[int]:
        raise NotImplementedError("verify hands out no pixels")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "verify.json")
    parser.add_argument("--serve", choices=("verify", "fast"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(lambda: Verify(arguments.dataset, arguments.threads, arguments.serve == "fast"))
        return
    images = penstock.open(arguments.dataset)["images"]
    own = [sys.executable, __file__, arguments.dataset, "--threads", str(arguments.threads), "--serve"]
    loader = [sys.executable, str(HERE / "decode_contenders.py"), LOADER, arguments.dataset, str(arguments.threads)]
    with ExitStack() as stack:
        blob = stack.enter_context(encoded_images(images))
        processes: list[Process] = [
            Ceiling(blob, arguments.threads, 1, len(images)),
            Process(LOADER, [*loader, "8", "1"]),
            Process("penstock verify", [*own, "verify"]),
            Process("penstock verify --fast", [*own, "fast"]),
        ]
        for process in processes:
            stack.callback(process.close)
        summaries = compare(processes, arguments.rounds)
    for summary in summaries:
        ratio = summary.ratio_to(summaries[0])
        spread = f"{ratio[0]:8.2f} ({ratio[1]:.2f} to {ratio[2]:.2f}) of {CEILING}"
        print(f"{summary.name:24}{summary.rate[0]:10.0f} img/s {spread}")
    setting = {"threads": arguments.threads, "images": len(images), "rounds": arguments.rounds}
    write_results(arguments.out, f"python benchmarks/verify.py DATASET --rounds {arguments.rounds}", setting, summaries)
    print(f"written to {arguments.out}")


if __name__ == "__main__":
    main()
