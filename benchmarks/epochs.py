"""Short epochs against long ones: what the change from one epoch to the next costs.

    python benchmarks/epochs.py IMAGES_DIR --out benchmarks/results/epochs.json

The same images are loaded by one loader as epochs of 5 batches of 16, by another one likewise that begins none early,
and by a third as one long epoch of as many batches in all. Rounds of the three take turns; ratios are taken within a
round.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import harness

BATCH = 16
BATCHES = 5
#: Images of a short epoch.
IMAGES = BATCH * BATCHES


def write_images(files: list[Path], path: Path, count: int) -> None:
    """The first ``count`` of the files, again from the start where there are fewer, in a new dataset."""
    import deeplake

    dataset = deeplake.empty(str(path), overwrite=True)
    with dataset:
        dataset.create_tensor("images", htype="image", sample_compression="jpeg")
        for number in range(count):
            dataset.images.append(deeplake.read(str(files[number % IMAGES % len(files)])))


def runner(path: Path, epochs: int, threads: int, *, early: bool = True) -> Callable[[], float]:
    """Loads so many epochs when it is called, and gives images per second."""
    import penstock

    loader = penstock.DataLoader(path, BATCH, shuffle=True, seed=1, loader_type="c++", num_threads=threads)
    if not early:
        loader._engine.next_epoch.plan = None  # type: ignore[attr-defined]
    rounds = itertools.count()

    def run() -> float:
        images = 0
        # Nothing is left of the round before, whose last epoch may have begun the next one.
        loader.set_epoch(1000 * next(rounds))
        time.sleep(0.5)
        start = time.perf_counter()
        for _ in range(epochs):
            for batch in loader:
                images += len(batch["images"])
        return images / (time.perf_counter() - start)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, help="directory, searched for *.jpg")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--epochs", type=int, default=12, help="short ones in a round")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    files = sorted(arguments.images.rglob("*.jpg"))
    if not files:
        parser.error(f"no *.jpg below {arguments.images}")
    with tempfile.TemporaryDirectory() as folder:
        short, long = Path(folder) / "short", Path(folder) / "long"
        write_images(files, short, IMAGES)
        write_images(files, long, IMAGES * arguments.epochs)
        runs = {
            "short": runner(short, arguments.epochs, arguments.threads),
            "short, nothing early": runner(short, arguments.epochs, arguments.threads, early=False),
            "long": runner(long, 1, arguments.threads),
        }
        for run in runs.values():
            run()
        rates: dict[str, list[float]] = {name: [] for name in runs}
        names = list(runs)
        for number in range(arguments.rounds):
            start = number % len(names)
            for name in [*names[start:], *names[:start]]:
                rates[name].append(runs[name]())
    result: dict[str, Any] = {"images_per_second": rates}
    for name in names[:2]:
        ratios = [one / other for one, other in zip(rates[name], rates["long"], strict=True)]
        result[f"{name} to long"] = {"median": statistics.median(ratios), "least": min(ratios), "most": max(ratios)}
        print(
            f"{name}: {statistics.median(rates[name]):.0f} img/s, of one long epoch's "
            f"{statistics.median(rates['long']):.0f}: {statistics.median(ratios):.3f} "
            f"({min(ratios):.3f} to {max(ratios):.3f})"
        )
    if arguments.out is not None:
        setting = {
            "batch": BATCH,
            "batches": BATCHES,
            "rounds": arguments.rounds,
            "epochs": arguments.epochs,
            "threads": arguments.threads,
        }
        harness.write_record(arguments.out, "python benchmarks/epochs.py IMAGES_DIR", setting, result)



if __name__ == "__main__":
    main()
