"""``penstock bench``: how fast a dataset loads on this machine, and what limits it."""

from __future__ import annotations

import argparse
import json
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from penstock.cli.bench_cache import try_coefficients
from penstock.cli.bench_config import config_loader, python_steps
from penstock.cli.bench_html import check_html, html_page
from penstock.cli.bench_plot import check_plot, draw_stages
from penstock.cli.bench_report import as_text, report_of
from penstock.cli.bench_run import Epoch, peak_mib, run_epoch
from penstock.cli.bench_stages import stages_of
from penstock.cli.doctor import examine, fact_rows
from penstock.cli.source import add_source, open_source
from penstock.dataset import Dataset
from penstock.dataset.summary import describe, tensor_rows
from penstock.loader import DataLoader
from penstock.loading.coefficients import CACHES
from penstock.loading.limits import Lanes, Limit, limit_of, request_seconds
from penstock.traces.session import check_trace_file, tracing

__all__ = ["add_parser", "measure"]

#: Of batches without a configuration.
_BATCH_SIZE = 8


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "bench",
        help="how fast a dataset loads here",
        description="Loads a dataset, with the pipeline of an MMDetection configuration or as it is stored, and says "
        "what limits the speed.",
    )
    add_source(parser)
    parser.add_argument("--config", metavar="CFG.py", help="an MMDetection configuration; PATH is its deeplake_path")
    parser.add_argument("--split", choices=("train", "val", "test"), default="train", help="of it (default: train)")
    parser.add_argument("--tensors", nargs="+", metavar="NAME", help="default: all that can be loaded")
    parser.add_argument("--batch-size", type=int, help=f"default: the configuration's, else {_BATCH_SIZE}")
    parser.add_argument("--threads", type=int, help="decoding threads, or workers of the python loader")
    parser.add_argument("--epochs", type=int, default=2, help="the first one also fills the caches (default: 2)")
    parser.add_argument("--seconds", type=float, default=30, help="at most so long an epoch (default: 30)")
    parser.add_argument("--batches", type=int, help="at most so many of each epoch")
    parser.add_argument("--loader-type", help="auto, c++ or python (default: the configuration's, else auto)")
    parser.add_argument("--shuffle", action="store_true")
    parser.add_argument("--cache", choices=CACHES, help="keep coefficients of JPEGs from one epoch to the next")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--plot", metavar="OUT.png", type=Path, help="draw the stages")
    parser.add_argument("--html", metavar="OUT.html", type=Path, help="write the report as a page of its own")
    parser.add_argument(
        "--trace", metavar="OUT.json", type=Path, help="write what each thread did and when, for Perfetto"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    for option, least in (("epochs", 1), ("batches", 1)):
        value = getattr(arguments, option)
        if value is not None and value < least:
            raise ValueError(f"--{option} must be at least {least}, got {value}")
    if not arguments.seconds > 0:
        raise ValueError(f"--seconds must be more than 0, got {arguments.seconds}")
    if arguments.plot is not None:
        check_plot(arguments.plot)
    if arguments.html is not None:
        check_html(arguments.html)
    if arguments.trace is not None:
        check_trace_file("--trace", arguments.trace)
    dataset = open_source(arguments)
    figures = measure(dataset, arguments)
    report = report_of(figures)
    if arguments.plot is not None:
        draw_stages(report, arguments.plot)
    if arguments.html is not None:
        columns = ("tensor", "htype", "dtype", "shape", "compression", "samples", "chunks", "")
        tensors = [columns, *map(tuple, tensor_rows(describe(dataset)))]
        command = ["penstock", *arguments.words]
        arguments.html.write_text(html_page(report, fact_rows(examine()), tensors, command), encoding="utf-8")
    print(json.dumps(figures, indent=1) if arguments.json else as_text(report))
    return 0


def measure(dataset: Dataset, arguments: argparse.Namespace) -> dict[str, Any]:
    """Loads the dataset ``arguments.epochs`` times.

    Returns:
        Figures of each epoch; of the last one its rate, its stages (seconds for 1,000 samples, shares) and what limits
        it; and the loader's counters over all.
    """
    tensors, loader = _loader(dataset, arguments)
    with loader:
        with nullcontext() if arguments.trace is None else tracing(arguments.trace):
            epochs = [
                run_epoch(loader, most_seconds=arguments.seconds, most_batches=arguments.batches)
                for _ in range(arguments.epochs)
            ]
        peak = peak_mib()
        last = epochs[-1]
        latency = request_seconds(dataset, [dataset[name] for name in tensors])
        trial = None
        if loader.loader_type == "c++" and loader.options.cache is None:
            trial = try_coefficients(dataset, tensors, loader.options.num_threads)
        limit = _limit(loader, last, arguments.config is not None, latency)
        return {
            "path": dataset.path,
            "config": arguments.config,
            "tensors": tensors,
            "loader_type": loader.loader_type,
            "threads": _threads(loader),
            "batch_size": loader.batch_size,
            "samples": len(loader.dataset),  # type: ignore[arg-type]
            "steps": [asdict(step) for step in loader.steps],
            "samples_per_second": last.samples_per_second,
            "cpu_seconds_per_1000": last.figures["cpu_seconds_per_1000"],
            "peak_mib": peak,
            "first_batch_seconds": epochs[0].first_batch_seconds,
            "epochs": [epoch.figures for epoch in epochs],
            "stages": {name: asdict(stage) for name, stage in stages_of(last.stats, last.seconds).items()},
            "stats": loader.stats(),
            "cache": loader.options.cache,
            "cache_trial": None if trial is None else asdict(trial),
            "cache_text": None if trial is None else trial.text(),
            "trace": None if arguments.trace is None else str(arguments.trace),
            "limiting_stage": limit.stage,
            "limit": limit.text,
        }


def _loader(dataset: Dataset, arguments: argparse.Namespace) -> tuple[list[str], DataLoader]:
    """The names of the tensors, and their loader."""
    if arguments.config is not None:
        return config_loader(dataset, arguments)
    tensors = arguments.tensors or [name for name, tensor in dataset.tensors.items() if not tensor.unsupported()]
    python = arguments.loader_type == "python"
    return tensors, DataLoader(
        dataset,
        _BATCH_SIZE if arguments.batch_size is None else arguments.batch_size,
        arguments.shuffle,
        loader_type=arguments.loader_type or "auto",
        tensors=tensors,
        num_threads=None if python else arguments.threads,
        num_workers=(arguments.threads or 0) if python else 0,
        cache=arguments.cache,
    )


def _threads(loader: DataLoader) -> int:
    return loader.options.num_workers if loader.loader_type == "python" else loader.options.num_threads


def _limit(loader: DataLoader, epoch: Epoch, configured: bool, latency: float | None) -> Limit:
    lanes = Lanes(loader.options.num_threads, loader.options.num_workers, loader.options.prefetch_factor)
    limit = limit_of(epoch.stats, epoch.seconds, lanes, latency=latency)
    if limit.stage != "python" or not configured:
        return limit
    # Only now, since it takes time and memory of its own.
    return limit_of(epoch.stats, epoch.seconds, lanes, python_steps(loader), latency=latency)
