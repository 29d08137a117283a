"""How well shuffle="chunk" shuffles, and what it reads, by the size of its window, beside a full permutation.

    python benchmarks/shuffle_quality.py --out benchmarks/results/shuffle_quality.json

Orders alone are looked at; nothing is loaded. The dataset is one of equal chunks: COCO's training images, of which
about 50 fill a chunk of 8 MB, by default. Of each order, over all its epochs:

- share of a batch from one chunk: of the chunk that most of the batch's samples are from; the mean over batches, and
  the worst batch;
- displacement: how far a sample is from its place in the dataset, on average, as a multiple of what it is in
  ``numpy``'s permutations;
- neighbours kept: of the pairs of samples that are stored side by side, those that come one after the other, and those
  that come in one batch;
- chunk reads: the least that an epoch can read with room for so many chunks as the window has (of the full permutation:
  the default window), as a multiple of the number of chunks; and the same summed over 8 ranks.
"""

from __future__ import annotations

import argparse
import heapq
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from harness import write_record
from penstock.loading.chunk_order import Chunks
from penstock.loading.chunk_sampler import ChunkSampler
from penstock.loading.options import LoaderOptions
from penstock.loading.sampling import EpochSampler

HERE = Path(__file__).resolve().parent
WINDOWS = (1, 4, 8, 16, 32, 64)
RANKS = 8

Indices = npt.NDArray[np.int64]


def least_reads(visits: Indices, room: int) -> int:
    """Reads of chunks with room for ``room`` of them: the one is dropped that is needed again last, which is optimal.

    Args:
        visits: The chunk of each sample, in the order in which they come.
    """
    following = np.full(len(visits), len(visits), dtype=np.int64)
    by_chunk = np.argsort(visits, kind="stable")
    same = visits[by_chunk][1:] == visits[by_chunk][:-1]
    following[by_chunk[:-1][same]] = by_chunk[1:][same]
    kept: dict[int, int] = {}  # chunk -> when it is needed again
    latest: list[tuple[int, int]] = []  # the same as a heap, with entries that no longer hold
    reads = 0
    for chunk, again in zip(visits.tolist(), following.tolist(), strict=True):
        if chunk not in kept:
            reads += 1
            while len(kept) >= room:
                time, other = heapq.heappop(latest)
                if kept.get(other) == -time:
                    del kept[other]
        kept[chunk] = again
        heapq.heappush(latest, (-again, chunk))
    return reads


def shares(visits: Indices, batch_size: int) -> npt.NDArray[np.float64]:
    """Of each whole batch, the share of its samples that are from one chunk: the most."""
    batches = np.sort(visits[: len(visits) // batch_size * batch_size].reshape(-1, batch_size), axis=1)
    run, most = np.ones(len(batches)), np.ones(len(batches))
    for column in range(1, batch_size):
        run = np.where(batches[:, column] == batches[:, column - 1], run + 1, 1)
        most = np.maximum(most, run)
    return most / batch_size


def figures(orders: list[Indices], numbers: Indices, batch_size: int, expected: float) -> dict[str, float]:
    """What the order itself shows, over some epochs."""
    count = len(numbers)
    found = np.concatenate([shares(numbers[order], batch_size) for order in orders])
    places = [np.argsort(order) for order in orders]
    pairs = [(place[1:], place[:-1]) for place in places]
    return {
        "one_chunk_mean": float(found.mean()),
        "one_chunk_worst": float(found.max()),
        "displacement": float(np.mean([np.abs(place - np.arange(count)).mean() for place in places])) / expected,
        "neighbours_adjacent": float(np.mean([(np.abs(a - b) == 1).mean() for a, b in pairs])),
        "neighbours_in_batch": float(np.mean([(a // batch_size == b // batch_size).mean() for a, b in pairs])),
    }


def measure(window: int | None, arguments: argparse.Namespace) -> dict[str, float]:
    """The figures of one order; ``window`` None is the full permutation."""
    numbers = np.arange(arguments.samples, dtype=np.int64) // arguments.per_chunk
    chunks = Chunks.of(numbers)

    def orders(rank: int, world_size: int, epochs: int) -> list[Indices]:
        def world() -> tuple[int, int]:
            return rank, world_size

        sampler = (
            EpochSampler(len(numbers), shuffle=True, seed=lambda: arguments.seed, world=world)
            if window is None
            else ChunkSampler(chunks, window, seed=lambda: arguments.seed, world=world)
        )
        found = []
        for epoch in range(epochs):
            sampler.set_epoch(epoch)
            found.append(sampler.order())
        return found

    # Of numpy's own permutations, not of the loader's.
    rng = np.random.default_rng(arguments.seed)
    place = np.arange(len(numbers))
    expected = np.mean([np.abs(rng.permutation(len(numbers)) - place).mean() for _ in range(arguments.epochs)])
    alone = orders(0, 1, arguments.epochs)
    room = LoaderOptions.shuffle_window if window is None else window
    of_ranks = [orders(rank, RANKS, 1)[0] for rank in range(RANKS)]
    return {
        **figures(alone, numbers, arguments.batch_size, float(expected)),
        "chunk_reads": least_reads(numbers[alone[0]], room) / len(chunks),
        f"chunk_reads_{RANKS}_ranks": sum(least_reads(numbers[own], room) for own in of_ranks) / len(chunks),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=118_287)
    parser.add_argument("--per-chunk", type=int, default=50, help="samples in a chunk (default: 50)")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "shuffle_quality.json")
    arguments = parser.parse_args()
    results: dict[str, Any] = {}
    for window in tqdm((*WINDOWS, None), unit="order", disable=not sys.stderr.isatty()):
        results["full" if window is None else str(window)] = measure(window, arguments)
    setting = {name: getattr(arguments, name) for name in ("samples", "per_chunk", "batch_size", "epochs", "seed")}
    options = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in setting.items())
    setting["chunks"] = -(-arguments.samples // arguments.per_chunk)
    write_record(arguments.out, f"python benchmarks/shuffle_quality.py {options}", setting, results)
    print(f"{'window':>6}" + "".join(f" {name:>22}" for name in next(iter(results.values()))))
    for name, found in results.items():
        print(f"{name:>6}" + "".join(f" {value:22.4f}" for value in found.values()))
    print(f"written to {arguments.out}")


if __name__ == "__main__":
    main()
