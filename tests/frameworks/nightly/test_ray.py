"""Ray Train on two workers, with the loader as it is and as Ray prepares it: each index once, made by the core."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.clients import Run, check_core, check_each_once, check_epochs_differ, own_epochs
from support.ray_runs import train
from support.require import PROJECT_ROOT, require


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    # Before anything of Ray is imported. Its workers import what they run.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["PYTHONPATH"] = str(PROJECT_ROOT / "tests")
    ray = require("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    yield ray
    ray.shutdown()
    del os.environ["PYTHONPATH"]


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("prepare", [False, True])
def test_two_workers(
    prepare: bool, num_workers: int, loader_type: str, ray: Any, path: Path, tmp_path: Path
) -> None:
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    arguments = {"loader_type": loader_type, "num_workers": num_workers}
    config = {"path": path, "folder": str(tmp_path), "prepare": prepare, "arguments": arguments}
    TorchTrainer(
        train,
        train_loop_config=config,
        scaling_config=ScalingConfig(num_workers=2),
        run_config=RunConfig(storage_path=str(tmp_path)),
    ).fit()
    runs: list[Run] = [pickle.loads((tmp_path / f"{rank}.pickle").read_bytes()) for rank in range(2)]
    for epoch in zip(*(run.epochs for run in runs), strict=True):
        check_each_once(epoch)
    for rank, run in enumerate(runs):
        assert run.epochs == own_epochs(path, rank=rank, world_size=2)
        check_epochs_differ(*run.epochs)
        if loader_type == "c++":
            # The loader's own workers run the transform beside a core that is elsewhere.
            assert run.stats["samples"] == 100
            if not num_workers:
                check_core(run)
