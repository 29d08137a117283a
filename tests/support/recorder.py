"""A hook that notes what happens in training, to the last digit."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import signal
from typing import Any

import numpy as np
import torch
from mmcv.runner import Hook

__all__ = ["Failing", "Recorder", "digest"]


def digest(model: torch.nn.Module) -> str:
    """A hash of all weights of a model."""
    sha = hashlib.sha256()
    for parameter in model.parameters():
        sha.update(parameter.detach().cpu().numpy().tobytes())
    return sha.hexdigest()


class Recorder(Hook):  # type: ignore[misc]
    """Notes each iteration, and draws random numbers in each as a model's dropout would.

    Attributes:
        losses: Of each iteration of training.
        val_losses: Of each batch of the workflow's phase "val".
        draws: One number of each global generator, at each iteration.
        images: Names of each iteration's images.
        weights: A hash of the weights after each iteration.
        rates: Learning rate and momentum of each iteration.
        where: Epoch, inner iteration, iteration.
        samples: How many samples the loader gave in all.
    """

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.val_losses: list[float] = []
        self.draws: list[tuple[float, ...]] = []
        self.images: list[list[str]] = []
        self.weights: list[str] = []
        self.rates: list[tuple[float, float]] = []
        self.where: list[tuple[int, int, int]] = []
        self.samples = 0

    def before_train_iter(self, runner: Any) -> None:
        self.draws.append((random.random(), float(np.random.rand()), float(torch.rand(()))))
        self.rates.append((runner.current_lr()[0], runner.current_momentum()[0]))
        self.where.append((runner.epoch, runner.inner_iter, runner.iter))

    def after_train_iter(self, runner: Any) -> None:
        self.losses.append(float(runner.outputs["log_vars"]["loss"]))
        self.images.append([meta["ori_filename"] for meta in runner.data_batch["img_metas"].data[0]])
        self.weights.append(digest(runner.model))
        loader = getattr(runner.data_loader, "_dataloader", runner.data_loader)
        self.samples = int(loader.stats()["samples"])

    def after_val_iter(self, runner: Any) -> None:
        self.val_losses.append(float(runner.outputs["log_vars"]["loss_val"]))


class Failing(Hook):  # type: ignore[misc]
    """Ends rank 1 in its second iteration.

    Args:
        how: "killed", or "unsendable": by an error that cannot be pickled, and says how this process would start
            others.
    """

    def __init__(self, how: str) -> None:
        self.how = how

    def before_train_iter(self, runner: Any) -> None:
        if runner.rank == 1 and runner.iter == 1:
            if self.how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            error = ValueError(f"of rank 1, by {multiprocessing.get_start_method()}")
            error.held = lambda: None  # type: ignore[attr-defined]
            raise error
