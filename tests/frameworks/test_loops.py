"""Engines that are little more than a loop: Ignite's, and MMEngine's Runner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from support.clients import Batches, Run, check_core, check_each_once, check_epochs_differ, make, own_epochs
from support.loop_runs import ignite_run, mmengine_run
from support.ranks import run_on_ranks
from support.require import require

LOOPS = {"ignite": ignite_run, "mmengine": mmengine_run}


@pytest.fixture(params=list(LOOPS))
def loop(request: pytest.FixtureRequest) -> Any:
    require(request.param)
    return LOOPS[request.param]


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_alone(loader_type: str, loop: Any, path: Path, own: list[Batches], tmp_path: Path) -> None:
    run = loop(path, tmp_path, loader_type=loader_type)
    assert run.epochs == own
    if loader_type == "c++":
        check_core(run)
        assert run.stats["samples"] == 200


def test_on_two_ranks(loop: Any, path: Path, tmp_path: Path) -> None:
    runs = run_on_ranks(2, loop, path, tmp_path)
    for rank, run in enumerate(runs):
        assert run.epochs == own_epochs(path, rank=rank, world_size=2)
        check_epochs_differ(*run.epochs)
        check_core(run)
    for epoch in zip(*(run.epochs for run in runs), strict=True):
        check_each_once(epoch)


def test_mmengine_by_iterations(path: Path, own: list[Batches], tmp_path: Path) -> None:
    require("mmengine")
    run = mmengine_run(path, tmp_path, iterations=20)
    assert run.epochs == [own[0] + own[1][:7]]
    check_core(run)


def test_a_plain_loop_on_two_ranks(path: Path) -> None:
    """``loader.sampler.set_epoch``, as with torch's own ``DistributedSampler``."""
    runs: list[Run] = run_on_ranks(2, _plain, path)
    assert [run.epochs for run in runs] == [own_epochs(path, rank=rank, world_size=2)[::-1] for rank in range(2)]
    for epoch in zip(*(run.epochs for run in runs), strict=True):
        check_each_once(epoch)


def _plain(path: Path) -> Run:
    run = Run()
    with make(path) as loader:
        assert isinstance(loader.sampler, torch.utils.data.distributed.DistributedSampler)
        for epoch in (1, 0):
            loader.sampler.set_epoch(epoch)
            run.iterate(loader)
    return run
