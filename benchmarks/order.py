"""How long the order of an epoch takes, and the first batch after a state was loaded.

    python benchmarks/order.py --out benchmarks/results/order.json

The order of a full shuffle, by the core and by numpy alone, in processor seconds of one thread. The first batch: of a
dataset of 10,000,000 numbers in batches of 64, from ``load_state_dict`` at 10, 50 and 99 % of an epoch, in seconds that
pass, and in processor seconds of all threads, which other programs on the machine lengthen less.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import harness

LENGTHS = (100_000, 1_000_000, 10_000_000)
SHARES = (0.1, 0.5, 0.99)
BATCH = 64


def numpys(length: int) -> np.ndarray[Any, Any]:
    """The same order without the core."""
    key, counter = (np.array(words, dtype=np.uint64) for words in ((0, 1), (0, 0, 0, 1)))
    return np.random.Generator(np.random.Philox(key=key, counter=counter)).permutation(length)


def orders(rounds: int) -> dict[str, dict[str, float]]:
    """Medians over the rounds, in which both take turns."""
    from penstock.loading.sampling import epoch_order

    makers: dict[str, Callable[[int], Any]] = {"core": lambda length: epoch_order(length, 0, 1), "numpy": numpys}
    found: dict[str, dict[str, float]] = {}
    for length in LENGTHS:
        assert np.array_equal(makers["core"](length), makers["numpy"](length))
        spent: dict[str, list[float]] = {name: [] for name in makers}
        for _ in range(rounds):
            for name, make in makers.items():
                start = time.process_time()
                make(length)
                spent[name].append(time.process_time() - start)
        found[str(length)] = {name: statistics.median(seconds) for name, seconds in spent.items()}
    return found


def write_numbers(path: Path) -> None:
    """A dataset of as many numbers as the longest order has."""
    import deeplake

    dataset = deeplake.empty(str(path), overwrite=True)
    with dataset:
        dataset.create_tensor(
            "n", dtype="int64", create_shape_tensor=False, create_sample_info_tensor=False, create_id_tensor=False
        )
        dataset.n.extend(np.arange(LENGTHS[-1], dtype=np.int64).reshape(-1, 1))


def first_batches(path: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Medians over the rounds: of ``load_state_dict``, and of it with the first batch."""
    import penstock

    found = {}
    for share in SHARES:
        spent = []
        for _ in range(rounds):
            with penstock.DataLoader(path, BATCH, True, loader_type="c++", seed=0, num_threads=1) as loader:
                state = loader.state_at(0, int(share * len(loader)))
                start, start_of_all = time.perf_counter(), time.process_time()
                loader.load_state_dict(state)
                loaded = time.perf_counter()
                next(iter(loader))
                spent.append((loaded - start, time.perf_counter() - start, time.process_time() - start_of_all))
        names = ("load_state_dict", "first_batch", "first_batch_of_processors")
        found[str(share)] = dict(zip(names, map(statistics.median, zip(*spent, strict=True)), strict=True))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "order.json")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "numbers"
        write_numbers(path)
        results = {"order_seconds": orders(said.rounds), "resume_seconds": first_batches(path, said.rounds)}
    harness.write_record(said.out, "python benchmarks/order.py", {"rounds": said.rounds, "batch": BATCH}, results)
    for length, seconds in results["order_seconds"].items():
        print(f"{int(length):>12,} samples: core {seconds['core']:.3f} s, numpy {seconds['numpy']:.3f} s")
    for share, seconds in results["resume_seconds"].items():
        load, first, work = seconds.values()
        print(
            f"{float(share):>12.0%}: loaded {load * 1000:.2f} ms, first batch {first:.3f} s, of processors {work:.3f} s"
        )


if __name__ == "__main__":
    main()
