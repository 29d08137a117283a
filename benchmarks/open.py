"""How long it takes to open a dataset and to get its first batch, against its size, and what memory that takes.

    python benchmarks/open.py --out benchmarks/results/open.json

The datasets have three tensors and 10^3 to 10^7 samples (benchmarks/make_index.py). Every measurement is a process of
its own that has had a batch of a small dataset before the clock starts, so that no import counts. Penstock and Deep
Lake 3 take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from harness import write_record
from make_index import PER_CHUNK, make

HERE = Path(__file__).resolve().parent
BATCH = 16


def _resident_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_penstock(path: str, small: str) -> dict[str, float]:
    import penstock

    # Imports what is imported late, starts what is started once.
    with penstock.DataLoader(small, 1, sampler=[0], num_threads=2) as warm:
        next(iter(warm))
    before, start = _resident_mib(), time.perf_counter()
    dataset = penstock.open(path)
    length = len(dataset)
    opened, opened_mib = time.perf_counter(), _resident_mib()
    with penstock.DataLoader(dataset, BATCH, num_threads=2) as loader:
        batch = next(iter(loader))
        first, first_mib = time.perf_counter(), _resident_mib()
    return _result(length, len(batch["images"]), start, opened, first, before, opened_mib, first_mib)


def measure_deeplake(path: str, small: str) -> dict[str, float]:
    import deeplake
    import torch.utils.data  # noqa: F401

    warm = deeplake.load(small, read_only=True, verbose=False)
    next(iter(warm.pytorch(batch_size=1, num_workers=0, collate_fn=list)))
    before, start = _resident_mib(), time.perf_counter()
    dataset = deeplake.load(path, read_only=True, verbose=False)
    length = len(dataset)
    opened, opened_mib = time.perf_counter(), _resident_mib()
    loader = dataset.pytorch(batch_size=BATCH, num_workers=0, collate_fn=list)
    batch = next(iter(loader))
    first, first_mib = time.perf_counter(), _resident_mib()
    return _result(length, len(batch), start, opened, first, before, opened_mib, first_mib)


def _result(
    length: int, batch: int, start: float, opened: float, first: float, before: float, opened_mib: float, mib: float
) -> dict[str, float]:
    assert batch == BATCH
    return {
        "samples": length,
        "open_seconds": opened - start,
        "first_batch_seconds": first - start,
        "open_mib": opened_mib - before,
        "first_batch_mib": mib - before,
    }


CONTENDERS = {"penstock": measure_penstock, "deeplake": measure_deeplake}


def run(name: str, path: Path, small: Path) -> dict[str, float]:
    """One measurement in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "BUGGER_OFF": "true"}
    command = [sys.executable, "-W", "ignore", __file__, "--measure", name, str(path), str(small)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def summary(runs: list[dict[str, float]]) -> dict[str, Any]:
    """Median, smallest and largest of each figure."""
    return {
        key: [statistics.median(values), min(values), max(values)]
        for key in runs[0]
        if key != "samples"
        for values in [[run[key] for run in runs]]
    }


def _write(out: Path, rounds: int, results: dict[str, dict[str, Any]]) -> None:
    setting = {"batch_size": BATCH, "rounds": rounds, "samples_per_chunk": PER_CHUNK}
    write_record(out, f"python benchmarks/open.py --rounds {rounds}", setting, results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10**power for power in range(3, 8)])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "open.json")
    parser.add_argument("--measure", nargs=3, metavar=("NAME", "PATH", "SMALL"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        name, *paths = arguments.measure
        print(json.dumps(CONTENDERS[name](*paths)))
        return
    results: dict[str, dict[str, Any]] = {name: {} for name in CONTENDERS}
    with tempfile.TemporaryDirectory() as root:
        small = Path(root) / "small"
        make(small, 1000)
        for size in tqdm(arguments.sizes, unit="size", disable=not sys.stderr.isatty()):
            path = Path(root) / str(size)
            make(path, size)
            runs: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
            for number in range(arguments.rounds):
                for name in sorted(CONTENDERS, reverse=number % 2 == 1):
                    runs[name].append(run(name, path, small))
            for name in CONTENDERS:
                results[name][str(size)] = summary(runs[name])
                print(f"{size:>9} {name:9}" + "".join(f"  {k} {v[0]:.3f}" for k, v in results[name][str(size)].items()))
            # After each size: the larger ones take long.
            _write(arguments.out, arguments.rounds, results)
    print(f"written to {arguments.out}")


if __name__ == "__main__":
    main()
