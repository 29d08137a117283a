"""How long ``next()`` of a batch takes that is finished: what Python does when all images are decoded.

    python benchmarks/next.py --out benchmarks/results/next.json

Batches of 64 small images, of 64 different sizes and of one size. All batches of an epoch are there before the calls
that are timed.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import harness

BATCH = 64
BATCHES = 20


def write_images(path: Path, *, equal: bool) -> None:
    """BATCH * BATCHES JPEGs in a new dataset, in each batch all of different sizes, or all of one size."""
    from io import BytesIO

    import deeplake
    from PIL import Image

    dataset = deeplake.empty(str(path), overwrite=True)
    with dataset:
        dataset.create_tensor("images", htype="image", sample_compression="jpeg")
        for number in range(BATCH * BATCHES):
            height, width = (40, 40) if equal else (24 + number % 8, 24 + number // 8 % 8)
            pixels = np.full((height, width, 3), number % 256, np.uint8)
            file = BytesIO()
            Image.fromarray(pixels).save(file, "JPEG")
            dataset.images.append(deeplake.core.sample.Sample(buffer=file.getvalue(), compression="jpeg"))


def seconds_of_next(path: Path, rounds: int) -> list[float]:
    """Each call's seconds, over some epochs; neither the first epoch nor the first call of one is counted."""
    import penstock

    loader = penstock.DataLoader(path, BATCH, loader_type="c++", num_threads=2, prefetch_factor=BATCHES)
    spent = []
    for number in range(rounds + 1):
        batches = iter(loader)
        next(batches)
        wait_until_idle(loader)
        for _ in range(BATCHES - 1):
            start = time.perf_counter()
            batch = next(batches)
            end = time.perf_counter()
            if number:
                spent.append(end - start)
            del batch
        assert next(batches, None) is None
    loader.close()
    return spent


def wait_until_idle(loader: Any) -> None:
    """Until the decoding threads have added nothing to their time for a while."""
    before = -1.0
    while (now := loader.stats()["decode_seconds"]) != before:
        before = now
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("different sizes", "one size"):
            path = Path(folder) / name.replace(" ", "_")
            write_images(path, equal=name == "one size")
            spent = [value * 1e3 for value in seconds_of_next(path, arguments.rounds)]
            cuts = statistics.quantiles(spent, n=100)
            results[name] = {"calls": len(spent), "p50_ms": cuts[49], "p99_ms": cuts[98], "max_ms": max(spent)}
            print(f"{name}: p50 {cuts[49]:.3f} ms, p99 {cuts[98]:.3f} ms, most {max(spent):.3f} ms, {len(spent)} calls")
    if arguments.out is not None:
        setting = {"batch": BATCH, "rounds": arguments.rounds}
        harness.write_record(arguments.out, "python benchmarks/next.py", setting, results)


if __name__ == "__main__":
    main()
