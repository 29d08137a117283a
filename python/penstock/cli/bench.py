"""``penstock bench``: how fast a dataset loads on this machine, and what limits it."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from penstock.cli.progress import progress
from penstock.cli.source import add_source, open_source
from penstock.dataset import Dataset
from penstock.loader import DataLoader

__all__ = ["add_parser", "measure"]


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "bench", help="how fast a dataset loads here", description="Loads a dataset and says what limits the speed."
    )
    add_source(parser)
    parser.add_argument("--tensors", nargs="+", metavar="NAME", help="default: all that can be loaded")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--threads", type=int, help="decoding threads, or workers of the python loader")
    parser.add_argument("--epochs", type=int, default=2, help="the first one also fills the caches (default: 2)")
    parser.add_argument("--loader-type", default="auto", help="auto, c++ or python (default: auto)")
    parser.add_argument("--shuffle", action="store_true")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.epochs < 1:
        raise ValueError(f"--epochs must be at least 1, got {arguments.epochs}")
    dataset = open_source(arguments)
    figures = measure(dataset, arguments)
    print(json.dumps(figures, indent=1) if arguments.json else as_text(figures))
    return 0


def measure(dataset: Dataset, arguments: argparse.Namespace) -> dict[str, Any]:
    """Loads the dataset ``arguments.epochs`` times; figures of each epoch and of the stages."""
    tensors = arguments.tensors or [name for name, tensor in dataset.tensors.items() if not tensor.unsupported()]
    python = arguments.loader_type == "python"
    with DataLoader(
        dataset,
        arguments.batch_size,
        arguments.shuffle,
        loader_type=arguments.loader_type,
        tensors=tensors,
        num_threads=None if python else arguments.threads,
        num_workers=(arguments.threads or 0) if python else 0,
    ) as loader:
        epochs = [_run_epoch(loader) for _ in range(arguments.epochs)]
        stats = loader.stats()
        threads = loader.options.num_workers if loader.loader_type == "python" else loader.options.num_threads
        last = epochs[-1]
        return {
            "path": dataset.path,
            "tensors": tensors,
            "loader_type": loader.loader_type,
            "threads": threads,
            "batch_size": arguments.batch_size,
            "samples": len(loader.dataset),  # type: ignore[arg-type]
            "samples_per_second": last["samples_per_second"],
            "first_batch_seconds": epochs[0]["first_batch_seconds"],
            "epochs": epochs,
            "stats": stats,
            "limit": limiting_stage(stats, threads),
        }


def _run_epoch(loader: DataLoader) -> dict[str, float]:
    start = time.perf_counter()
    first = 0.0
    samples = len(loader.dataset)  # type: ignore[arg-type]
    for number, _ in enumerate(progress(loader, len(loader), "batch")):
        if number == 0:
            first = time.perf_counter() - start
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "first_batch_seconds": first, "samples_per_second": samples / seconds}


def limiting_stage(stats: dict[str, float], threads: int) -> str:
    """What the time goes to, in one sentence with what to change."""
    if "decode_seconds" not in stats:
        return "decoding in Python: --loader-type c++ is faster, where the extension is installed"
    decode = stats["decode_seconds"] / threads
    fetch = stats["fetch_seconds"] / 2  # two reading threads
    if stats["wait_seconds"] < 0.1 * (decode + fetch):
        return "the consumer: batches were ready before they were asked for"
    if fetch > decode:
        return "reading: faster storage, or fewer others that read from it, would help"
    return f"decoding on {threads} threads: more cores and --threads would help"


def as_text(figures: dict[str, Any]) -> str:
    """The figures for reading."""
    stats = figures["stats"]
    lines = [
        f"{figures['path']}: {figures['samples']} samples, {', '.join(figures['tensors'])}",
        f"loader {figures['loader_type']}, {figures['threads']} threads, batches of {figures['batch_size']}",
        "",
        *(
            f"epoch {number}: {epoch['samples_per_second']:8.0f} samples/s"
            f"   first batch after {epoch['first_batch_seconds'] * 1000:.0f} ms"
            for number, epoch in enumerate(figures["epochs"])
        ),
    ]
    if "decode_seconds" in stats:
        per_sample = 1000 / stats["samples"]
        lines += [
            "",
            f"read      {stats['fetch_seconds'] * per_sample:8.3f} ms a sample"
            f"   ({stats['bytes_read'] / 1e6:.0f} MB read, {stats['cache_hits']:.0f} cache hits)",
            f"decode    {stats['decode_seconds'] * per_sample:8.3f} ms a sample and thread"
            f"   ({stats['encoded_bytes'] / stats['decode_seconds'] / 1e6:.0f} MB/s a thread)",
            f"waited    {stats['wait_seconds'] * per_sample:8.3f} ms a sample for a batch",
        ]
    return "\n".join([*lines, "", f"limiting stage: {figures['limit']}"])
