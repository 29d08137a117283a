"""Loaders in Ignite's Engine and MMEngine's Runner, in one process or on ranks."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch

from support.clients import Run, make

__all__ = ["ignite_run", "mmengine_run"]


def ignite_run(path: Path, folder: Path, **arguments: Any) -> Run:
    """Two epochs of an engine."""
    from ignite.engine import Engine

    run = Run()
    with make(path, **arguments) as loader:
        engine = Engine(lambda engine, batch: run.take(batch, engine.state.epoch - 1))
        engine.run(loader, max_epochs=2)
        run.stats = loader.stats()
    return run


def mmengine_run(path: Path, folder: Path, *, iterations: int | None = None, **arguments: Any) -> Run:
    """Two epochs of a runner, or so many iterations, which count as one epoch here."""
    from mmengine.model import BaseModel
    from mmengine.runner import Runner

    run = Run()

    class Model(BaseModel):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def forward(self, mode: str, **batch: Any) -> Any:
            run.take(batch, runner.epoch if iterations is None else 0)
            return {"loss": self.layer(batch["number"].float()).sum() * 0}

    with make(path, **arguments) as loader:
        runner = Runner(
            model=Model(),
            work_dir=str(folder),
            train_dataloader=loader,
            train_cfg={"by_epoch": True, "max_epochs": 2} if iterations is None else
            {"by_epoch": False, "max_iters": iterations},
            optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
            default_hooks={"logger": None, "checkpoint": None},
            # On a CPU there are no device ids.
            cfg={"model_wrapper_cfg": {"type": "MMDistributedDataParallel", "device_ids": None}},
            launcher="pytorch" if torch.distributed.is_initialized() else "none",
            log_level=logging.ERROR,
            experiment_name=f"{folder.name}-{iterations}-{'-'.join(map(str, arguments.values()))}",
        )
        runner.train()
        run.stats = loader.stats()
    return run
