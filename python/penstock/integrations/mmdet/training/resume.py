"""What a checkpoint holds beyond weights, so that a run goes on in the middle of an epoch as if it had not stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mmcv.runner import CheckpointHook, get_dist_info

from penstock.errors import ConfigError
from penstock.integrations.mmdet.training.model_state import Gradients, iterations_of_a_step
from penstock.integrations.ranks.distributed import gathered
from penstock.integrations.ranks.random_state import random_state, restore_random_state

__all__ = [
    "META_KEY",
    "Position",
    "ResumableCheckpointHook",
    "Resumption",
    "resumable",
]

#: Where it stands in the ``meta`` of a checkpoint:
#: {"position": ..., "complete": ..., "loader": ..., "random": [...], "step": ...}.
META_KEY = "penstock"


@dataclass(frozen=True)
class Position:
    """What a run goes on with.

    Attributes:
        epoch: The epoch.
        batch: How many of its batches are done.
        iteration: How many iterations are done in all.
    """

    epoch: int = 0
    batch: int = 0
    iteration: int = 0

    def note(self, loader: Any, random_states: list[dict[str, Any]], step: int | None) -> dict[str, Any]:
        """What goes into the checkpoint; of types that JSON has: mmcv's loggers write what they resume from."""
        state = loader.state_at(self.epoch, self.batch) if hasattr(loader, "state_at") else None
        complete = self.batch == len(loader) if loader is not None else False
        return {
            "position": asdict(self),
            "complete": complete,
            "loader": state,
            "random": random_states,
            "step": step,
        }


class ResumableCheckpointHook(CheckpointHook):  # type: ignore[misc]
    """mmcv's ``CheckpointHook``, whose checkpoints hold the random generators of all ranks."""

    def _save_checkpoint(self, runner: Any) -> None:
        # Rank 0 alone writes; it has to ask the others before.
        runner.random_states = gathered(random_state())
        super()._save_checkpoint(runner)
        runner.random_states = None


def resumable(hook: Any) -> Any:
    """A hook's configuration with mmcv's ``CheckpointHook`` replaced by ours; everything else as it is."""
    if isinstance(hook, Mapping) and hook.get("type", "CheckpointHook") == "CheckpointHook":
        return {**hook, "type": ResumableCheckpointHook}
    return hook


@dataclass(frozen=True)
class Resumption:
    """What a checkpoint says of where to go on.

    Attributes:
        position: Where.
        complete: Whether that is the end of an epoch, after which its hooks are still to come.
        loader: The loader's state.
        random: The generators of each rank.
        step: After how many iterations the optimizer steps, where gradients are accumulated.
        gradients: Those that wait for the optimizer's next step.
    """

    position: Position
    complete: bool
    loader: Mapping[str, Any] | None
    random: list[Mapping[str, Any]]
    step: int | None
    gradients: Gradients

    @classmethod
    def of(cls, meta: Mapping[str, Any], gradients: Gradients) -> Resumption | None:
        """From a checkpoint's ``meta``; None where it was not written by a runner of ours."""
        note = meta.get(META_KEY)
        if note is None:
            return None
        position = Position(**note["position"])
        return cls(position, note["complete"], note["loader"], note["random"], note.get("step"), gradients)

    def restore(self, runner: Any) -> None:
        """Puts this rank's generators and the accumulated gradients where they were; leaves the generators where the
        checkpoint has none for this rank.
        """
        rank, world_size = get_dist_info()
        if len(self.random) == world_size:
            restore_random_state(self.random[rank])
        if self.gradients:
            self._restore_gradients(runner)

    def _restore_gradients(self, runner: Any) -> None:
        iteration = self.position.iteration
        if (iterations_of_a_step(runner), runner.iter) != (self.step, iteration):
            runner.logger.warning(
                "the checkpoint holds gradients that were accumulated for a step every %d iterations, in iteration %d; "
                "this run steps and counts otherwise, and begins without them",
                self.step,
                iteration,
            )
            return
        for parameter, gradient in self.gradients.items():
            parameter.grad = gradient
        # mmcv's hook, which only looks at the iteration, is about to say that they are lost.
        runner.logger.info("gradients that were accumulated before iteration %d are those of the checkpoint", iteration)

    def restore_loader(self, loader: Any, logger: Any) -> bool:
        """Whether the loader goes on where it was; else its epoch begins anew, and the log says why."""
        if self.loader is None or not hasattr(loader, "load_state_dict"):
            return False
        seed = loader.state_dict()["seed"]
        try:
            loader.load_state_dict(self.loader)
        except ConfigError as error:
            if self.position.batch and not self.complete:
                logger.warning("epoch %d begins anew: %s", self.position.epoch + 1, error)
            return False
        if self.loader["seed"] != seed:
            logger.info("order and draws follow from the checkpoint's seed %d, not from %d", self.loader["seed"], seed)
        return True

    def set_loader(self, loader: Any, epoch: int, batch: int) -> bool:
        """Whether another loader than that of training, of the same seed, begins at a batch of an epoch."""
        if self.loader is None or not hasattr(loader, "load_state_dict"):
            return False
        loader.load_state_dict({**loader.state_at(epoch, batch), "seed": self.loader["seed"]})
        return True
