"""Which stage penstock bench finds to limit the speed, from counters made up for it."""

from __future__ import annotations

import pytest

from penstock.cli.bench_stages import Lanes, limit_of, stages_of


def counters(**seconds: float) -> dict[str, float]:
    names = ("fetch", "decode", "transform", "python", "wait")
    return {"samples": 500, **{f"{name}_seconds": seconds.get(name, 0.0) for name in names}}


def test_shares_add_up() -> None:
    stages = stages_of(counters(fetch=1, decode=4, transform=2, python=1, wait=3), seconds=4)
    assert {name: stage.seconds_per_1000 for name, stage in stages.items()} == {
        "fetch": 2, "decode": 8, "transform": 4, "python": 2, "wait": 6
    }
    assert sum(stage.share for name, stage in stages.items() if name != "wait") == pytest.approx(1)
    assert stages["decode"].share == 0.5
    assert stages["wait"].share == 0.75


def test_the_python_loader_has_one_stage() -> None:
    stages = stages_of({"samples": 10, "batches": 5, "wait_seconds": 2.0}, seconds=2.5)
    assert set(stages) == {"python", "wait"}
    assert (stages["python"].share, stages["wait"].share) == (1, 0.8)
    assert stages["python"].seconds_per_1000 == 200


@pytest.mark.parametrize(
    ("seconds", "threads", "stage", "advice"),
    [
        ({"fetch": 6, "decode": 3, "transform": 2, "wait": 3}, 4, "fetch", "prefetch_factor"),
        # Two threads read, so that reading for longer does not mean that it limits.
        ({"fetch": 4, "decode": 3, "wait": 3}, 1, "decode", "decoding on 1 threads"),
        ({"fetch": 1, "decode": 2, "transform": 5, "wait": 3}, 2, "transform", "image scale"),
        ({"fetch": 1, "decode": 2, "transform": 1, "python": 3, "wait": 0}, 2, "python", "num_workers"),
        ({"fetch": 1, "decode": 2, "transform": 1, "wait": 0.1}, 2, "consumer", "gain nothing"),
    ],
    ids=["fetch", "decode", "transform", "python", "consumer"],
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
