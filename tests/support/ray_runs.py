"""Loaders in Ray Train's workers, each a process of its own."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from support.clients import Run, make

__all__ = ["train"]


def train(config: dict[str, Any]) -> None:
    """Two epochs on one of the workers, which leaves what it was given in a file."""
    import ray.train
    import ray.train.torch

    rank = ray.train.get_context().get_world_rank()
    with make(config["path"], **config["arguments"]) as loader:
        given = ray.train.torch.prepare_data_loader(loader) if config["prepare"] else loader
        run = Run()
        for epoch in range(2):
            # As Ray's own examples do.
            given.sampler.set_epoch(epoch)
            run.iterate(given)
        run.stats = loader.stats()
    Path(config["folder"], f"{rank}.pickle").write_bytes(pickle.dumps(run))
