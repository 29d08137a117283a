"""What benchmarks/gpu.py measures of copies to a device, and of normalising there."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import penstock
from image_output import BATCH, CASES, MEAN, STD, measure

__all__ = ["bandwidth", "normalized", "overlap"]

REPEATS = 20
#: Bytes of the copy that goes on under computation: some milliseconds of it.
LARGE = 256 << 20


def bandwidth(path: Path) -> dict[str, float]:
    """GB/s of a batch of the loader, and of a plain tensor of the same size, in pinned and pageable memory."""
    rates = {}
    for pinned in (True, False):
        with penstock.DataLoader(path, BATCH, loader_type="c++", pin_memory=pinned, drop_last=True) as loader:
            batch = next(iter(loader))["images"]
            assert batch.is_pinned() == pinned
            kind = "pinned" if pinned else "pageable"
            rates[f"batch of the loader, {kind}"] = _rate(batch)
        plain = torch.randint(0, 256, batch.shape, dtype=torch.uint8)
        rates[f"tensor of torch, {kind}"] = _rate(plain.pin_memory() if pinned else plain)
    return rates


def _rate(source: torch.Tensor) -> float:
    target = torch.empty_like(source, device="cuda")
    return source.nbytes / _milliseconds(lambda: target.copy_(source, non_blocking=True)) / 1e6


def _milliseconds(work: Callable[[], Any]) -> float:
    """Median, by events of the device, after two that are not counted."""
    times: list[float] = []
    for _ in range(REPEATS + 2):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        work()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times[2:])


def overlap() -> dict[str, dict[str, float]]:
    """Milliseconds of a copy, of computation, and of both at once in two streams, from pinned and pageable memory.

    ``hidden`` is the share of the shorter one that went on under the longer one: 1 where both together take as long as
    the longer one alone.
    """
    found = {}
    target = torch.empty(LARGE, dtype=torch.uint8, device="cuda")
    factor = torch.randn(4096, 4096, device="cuda", dtype=torch.bfloat16)
    beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]

    def compute() -> None:
        for _ in range(16):
            torch.mm(factor, factor)

    for kind in ("pinned", "pageable"):
        source = torch.randint(0, 256, (LARGE,), dtype=torch.uint8)
        source = source.pin_memory() if kind == "pinned" else source

        def both(source: torch.Tensor = source) -> None:
            beside.wait_stream(torch.cuda.current_stream())
            compute()
            with torch.cuda.stream(beside):
                target.copy_(source, non_blocking=True)
            torch.cuda.current_stream().wait_stream(beside)

        copy_ms = _milliseconds(lambda source=source: target.copy_(source, non_blocking=True))  # type: ignore[misc]
        compute_ms, both_ms = _milliseconds(compute), _milliseconds(both)
        hidden = (copy_ms + compute_ms - both_ms) / min(copy_ms, compute_ms)
        found[kind] = {"copy_ms": copy_ms, "compute_ms": compute_ms, "both_ms": both_ms, "hidden": hidden}
    return found


def normalized(path: Path, device: str, threads: int, rounds: int) -> dict[str, Any]:
    """Milliseconds until a batch is normalised on the device: done there, on the host, and by what the loader gives.

    The last is what benchmarks/image_output.py measures of each layout and dtype.
    """
    pinned = device != "cpu"
    with penstock.DataLoader(path, BATCH, loader_type="c++", pin_memory=pinned, drop_last=True) as loader:
        batch = next(iter(loader))["images"]
        there = penstock.normalize_on(device, MEAN, STD)
        here = penstock.normalize_on("cpu", MEAN, STD)
        ways = {"on the device": lambda: there(batch), "on the host": lambda: here(batch).to(device)}
        milliseconds = {name: _host_milliseconds(work, device, rounds) for name, work in ways.items()}
    by_loader = {name: measure(path, case, device, threads) for name, case in CASES.items()}
    return {"batch": list(batch.shape), "milliseconds": milliseconds, "by the loader": by_loader}


def _host_milliseconds(work: Callable[[], Any], device: str, rounds: int) -> float:
    """Median, by the host's clock, until the device is done."""
    times = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times[1:])
