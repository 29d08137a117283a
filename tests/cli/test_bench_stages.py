"""What penstock bench says an epoch's time went to, from counters made up for it."""

from __future__ import annotations

import pytest

from penstock.cli.bench_stages import stages_of


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
