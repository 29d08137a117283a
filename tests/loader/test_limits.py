"""What is found to limit the speed, from counters made up for it and from loaders that wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.dataset.joined import JoinedDataset
from penstock.loading.limits import Lanes, limit_of, request_seconds
from support.far import far_dataset

Lake = Callable[[str], Path]


def counters(**figures: float) -> dict[str, float]:
    names = ("fetch", "decode", "transform", "python", "wait")
    # With two batches side by side, both wait while nothing comes.
    data_wait = figures.pop("data_wait", figures.get("fetch", 0.0))
    stats = {f"{name}_seconds": figures.pop(name, 0.0) for name in names} | {"data_wait_seconds": data_wait}
    return {"samples": 500, "batches": 50, "reads": 100, "bytes_read": 4e8, **stats, **figures}


@pytest.mark.parametrize(
    ("seconds", "threads", "stage", "advice"),
    [
        ({"fetch": 6, "decode": 3, "transform": 2, "wait": 3}, 4, "fetch", "prefetch_factor"),
        # What is read ahead may take as long as it likes.
        ({"fetch": 40, "data_wait": 4, "decode": 3, "wait": 3}, 1, "decode", "decoding on 1 threads"),
        # Of small batches more are decoded side by side, and wait side by side: here 25 of one sample.
        ({"fetch": 6, "batches": 500, "decode": 5, "wait": 3}, 8, "decode", "decoding on 8 threads"),
        ({"fetch": 6, "batches": 50, "decode": 5, "wait": 3}, 8, "fetch", "prefetch_factor"),
        ({"fetch": 1, "decode": 2, "transform": 5, "wait": 3}, 2, "transform", "image scale"),
        ({"fetch": 1, "decode": 2, "transform": 1, "python": 3, "wait": 0}, 2, "python", "num_workers"),
        ({"fetch": 1, "decode": 2, "transform": 1, "wait": 0.1}, 2, "consumer", "gain nothing"),
    ],
    ids=["fetch", "decode", "small batches", "large batches", "transform", "python", "consumer"],
)
def test_the_busiest_stage_limits(seconds: dict[str, float], threads: int, stage: str, advice: str) -> None:
    limit = limit_of(counters(**seconds), 4.0, Lanes(threads))
    assert limit.stage == stage
    assert advice in limit.text


def test_more_workers_take_python_off_the_limit() -> None:
    stats = counters(decode=4, python=6, wait=3)
    assert limit_of(stats, 4.0, Lanes(2, workers=1)).stage == "python"
    assert limit_of(stats, 4.0, Lanes(2, workers=4)).stage == "decode"


def test_the_slowest_python_step_is_named() -> None:
    steps = [("Quick", 0.001), ("Slow", 0.02), ("Collect", 0.0005)]
    limit = limit_of(counters(decode=1, python=9), 10.0, Lanes(2), steps)
    assert "the step Slow takes 20.0 of its 21.5 ms a sample" in limit.text


@pytest.mark.parametrize(
    ("reads", "latency", "stage", "words"),
    [
        # 60 ms a read, 50 of them until the first byte.
        (100, 0.05, "latency", "100 reads of 4.00 MB took 60 ms each, and the smallest takes 50 ms"),
        (100, 0.02, "link", "100 reads of 4.00 MB took 60 ms each, and the smallest takes 20 ms"),
        (20, 0.05, "link", "20 reads of 20.00 MB took 300 ms each"),
        (100, 0.0, "link", "faster network"),
        (100, None, "fetch", "faster storage"),
    ],
)
def test_reading_remote_data_is_limited_by_latency_or_link(
    reads: int, latency: float | None, stage: str, words: str
) -> None:
    stats = counters(fetch=6, decode=1, wait=3, reads=reads)
    limit = limit_of(stats, 4.0, Lanes(2), latency=latency)
    assert limit.stage == stage
    assert words in limit.text


def test_latency_limits_nothing_else() -> None:
    assert limit_of(counters(fetch=1, decode=4, wait=2), 4.0, Lanes(1), latency=0.05).stage == "decode"
    assert limit_of(counters(fetch=1, decode=2, wait=0.1), 4.0, Lanes(2), latency=0.05).stage == "consumer"
    assert limit_of({"samples": 3, "batches": 1, "wait_seconds": 1.0}, 2.0, Lanes(1), latency=0.05).stage == "python"


def test_the_smallest_request_is_measured(lake: Lake) -> None:
    near, far = penstock.open(lake("many_chunks")), far_dataset(lake("many_chunks"), 0.02, 1e9)
    assert request_seconds(near, [near["equal/raw"]]) is None
    assert 0.02 <= (request_seconds(far, [far["equal/raw"]]) or 0) < 0.2
    both = JoinedDataset([near, far], {"a": ["equal/raw"] * 2}, np.zeros(3, np.int64), np.arange(3))
    assert 0.02 <= (request_seconds(both, [both["a"]]) or 0) < 0.2


@pytest.mark.parametrize(
    ("latency", "bandwidth", "pause", "stage"),
    [(0.02, 1e9, 0, "latency"), (0.001, 3e4, 0, "link"), (0, 0, 0.06, "consumer")],
)
def test_loaders_that_wait(latency: float, bandwidth: float, pause: float, stage: str, lake: Lake, native: Any) -> None:
    dataset = far_dataset(lake("many_chunks"), latency, bandwidth)
    with penstock.DataLoader(dataset, 4, tensors=["varying/raw"], shuffle=True, loader_type="c++") as loader:
        assert loader.limit() is None
        begin = time.perf_counter()
        for _ in loader:
            time.sleep(pause)
        seconds = time.perf_counter() - begin
        limit = loader.limit()
        assert 0.8 * seconds - 2 * pause < loader.stats()["run_seconds"] <= seconds
    assert limit is not None
    assert limit.stage == stage, limit.text


def test_the_python_loader_says_so(lake: Lake) -> None:
    with penstock.DataLoader(lake("equal_images"), 4, loader_type="python") as loader:
        list(loader)
        limit = loader.limit()
    assert limit is not None
    assert limit.stage == "python"
