"""What a checkpoint holds beyond MMEngine's, so that a run goes on within an epoch as if it had not stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper

from penstock.errors import ConfigError
from penstock.integrations.mmdet3.detection_loader import DetectionLoader, draw_as_torch
from penstock.integrations.ranks.distributed import gathered
from penstock.integrations.ranks.random_state import random_state, restore_random_state

__all__ = ["KEY", "ResumeHook", "Resumption"]

#: Where it stands in a checkpoint.
KEY = "penstock"


@dataclass(frozen=True)
class Resumption:
    """What a checkpoint says of where to go on.

    Attributes:
        loader: The loader's state; None where it was not ours.
        within: Whether some batches of an epoch were done, and others not.
        complete: Whether all batches of an epoch were done, whose last hooks are still to come.
        ranks: What each rank had: "random", its generators, and "gradients", those that wait for the optimizer's next
            step, by the names of parameters.
    """

    loader: Mapping[str, Any] | None
    within: bool
    complete: bool
    ranks: list[Mapping[str, Any]]

    def batches(self, runner: Any, loader: Any, *, validated: bool) -> tuple[int, Iterator[Any]]:
        """Goes on: with the loader, this rank's random generators and its accumulated gradients where they were.

        Args:
            runner: The runner.
            loader: The loader of training.
            validated: Whether a validation followed the checkpoint, which is not done again.

        Returns:
            How many batches of the epoch are done, and the others. None are done where the loader cannot go on; then
            a warning says why.
        """
        own = self.ranks[get_rank()] if len(self.ranks) == get_world_size() else None
        done = self._restore_loader(runner, loader)
        within = done > 0 or getattr(loader, "endless", False)
        # Each iteration over a loader begins with a draw. One that goes on has made it before the checkpoint.
        going_on = iter(loader) if within else None
        if own is not None:
            restore_random_state(own["random"])
            _restore_gradients(runner.model, own["gradients"])
        if self.complete:
            return done, iter(())
        if validated:
            draw_as_torch()
        return done, iter(loader) if going_on is None else going_on

    def _restore_loader(self, runner: Any, loader: Any) -> int:
        if self.loader is None or not isinstance(loader, DetectionLoader):
            return 0
        loader.follow_hooks()
        epoch = loader.state_dict()["epoch"]
        try:
            # How long an epoch is may depend on which it is.
            loader.set_epoch(self.loader["epoch"])
            loader.load_state_dict(self.loader)
        except ConfigError as error:
            loader.set_epoch(epoch)
            runner.logger.warning("the epoch begins anew: %s", error)
            return 0
        return loader.batches_done


class ResumeHook(Hook):  # type: ignore[misc]
    """Puts into checkpoints what a run goes on with, and takes it out of those that are loaded.

    Attributes:
        loaded: What the checkpoint that was loaded last says; None where it was not written by a runner of ours.
    """

    priority = "VERY_LOW"

    def __init__(self) -> None:
        self.loaded: Resumption | None = None
        self._ranks: list[Any] | None = None

    def gather(self, runner: Any) -> None:
        """Asks all ranks for what rank 0 is going to save; all have to call it."""
        self._ranks = gathered({"random": random_state(), "gradients": _waiting_gradients(runner)})

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Adds it."""
        loop = runner.train_loop
        state = loop.dataloader.state_dict() if isinstance(loop.dataloader, DetectionLoader) else None
        # A checkpoint of an epoch's end counts the epoch as done; one that counts iterations does not.
        counted = checkpoint["meta"].get("epoch") != runner.epoch
        batch = getattr(loop, "batch", 0)
        checkpoint[KEY] = {
            "loader": state,
            "within": 0 < batch < len(loop.dataloader),
            "complete": 0 < batch == len(loop.dataloader) and not counted,
            "ranks": self._ranks,
        }

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Keeps it."""
        note = checkpoint.pop(KEY, None)
        self.loaded = None if note is None else Resumption(**note)


def _waiting_gradients(runner: Any) -> dict[str, torch.Tensor]:
    """Gradients that are accumulated for a step that is still to come."""
    wrapper = runner.optim_wrapper
    if not isinstance(wrapper, OptimWrapper) or wrapper._accumulative_counts == 1:
        return {}
    return {
        name: parameter.grad.detach().cpu()
        for name, parameter in _inner(runner.model).named_parameters()
        if parameter.grad is not None
    }


def _restore_gradients(model: torch.nn.Module, gradients: Mapping[str, torch.Tensor]) -> None:
    for name, parameter in _inner(model).named_parameters():
        if name in gradients:
            parameter.grad = gradients[name].to(parameter.device)


def _inner(model: torch.nn.Module) -> torch.nn.Module:
    inner: Any = model.module if is_model_wrapper(model) else model
    return inner  # type: ignore[no-any-return]
