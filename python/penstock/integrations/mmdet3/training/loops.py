"""MMEngine's two loops of training, which can go on within an epoch."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.registry import LOOPS
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop

from penstock.integrations.mmdet3.detection_loader import DetectionLoader

__all__ = ["EpochLoop", "IterLoop", "own_loop"]


def own_loop(loop: Any) -> Any:
    """The configuration of a loop, with ours in the place of MMEngine's; other loops as they are."""
    if not isinstance(loop, Mapping):
        return loop
    changed: Any = copy.deepcopy(loop)
    if "type" not in changed:
        changed["type"] = EpochLoop if changed.pop("by_epoch", True) else IterLoop
        return changed
    kind = changed["type"]
    found = kind if inspect.isclass(kind) else LOOPS.get(str(kind))
    if found is EpochBasedTrainLoop:
        changed["type"] = EpochLoop
    elif found is IterBasedTrainLoop:
        changed["type"] = IterLoop
    return changed


class EpochLoop(EpochBasedTrainLoop):  # type: ignore[misc]
    """MMEngine's ``EpochBasedTrainLoop``. After a checkpoint that was written within an epoch it goes on with the batch
    that would have come next; MMEngine's begins the epoch anew.

    Attributes:
        batch: How many batches of the epoch are done.
    """

    batch = 0

    def run_epoch(self) -> None:
        """The epoch, or what is left of it."""
        runner = self.runner
        runner.call_hook("before_train_epoch")
        runner.model.train()
        resumption, runner.resumption = runner.resumption, None
        done, batches = 0, self.dataloader
        if resumption is not None:
            validated = not resumption.within and self._epoch > 0 and _validates(self, self._epoch)
            done, batches = resumption.batches(runner, self.dataloader, validated=validated)
        for index, batch in enumerate(batches, start=done):
            self.batch = index + 1
            self.run_iter(index, batch)
        runner.call_hook("after_train_epoch")
        self._epoch += 1
        self.batch = 0


class IterLoop(IterBasedTrainLoop):  # type: ignore[misc]
    """MMEngine's ``IterBasedTrainLoop`` without its two seconds of sleep where an epoch of the loader turns. A resumed
    run does not load again what it has trained on.
    """

    dataloader_iterator: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(self.dataloader, DetectionLoader):
            begun: Any = self.dataloader_iterator
            self.dataloader_iterator = _Batches(self.dataloader, begun._iterator)

    def run(self) -> Any:
        """Trains up to the last iteration."""
        if not isinstance(self.dataloader, DetectionLoader):
            return super().run()
        runner = self.runner
        runner.call_hook("before_train")
        runner.call_hook("before_train_epoch")
        resumption, runner.resumption = runner.resumption, None
        if resumption is not None:
            # No batch was asked for of the iteration that the constructor began.
            validated = self._iter > 0 and _validates(self, self._iter)
            _, batches = resumption.batches(runner, self.dataloader, validated=validated)
            self.dataloader_iterator = _Batches(self.dataloader, batches)
        elif self._iter > 0:
            runner.logger.warning(
                "the checkpoint is not of this runner: what %d iterations trained on is loaded again, to skip it",
                self._iter,
            )
            for _ in range(self._iter):
                next(self.dataloader_iterator)
        while self._iter < self._max_iters and not self.stop_training:
            runner.model.train()
            self.run_iter(next(self.dataloader_iterator))
            self._decide_current_val_interval()
            at_the_end = runner.val_loop is not None and self.val_begin <= self._iter == self._max_iters
            if at_the_end or _validates(self, self._iter):
                runner.val_loop.run()
        runner.call_hook("after_train_epoch")
        runner.call_hook("after_train")
        return runner.model


def _validates(loop: Any, done: int) -> bool:
    """Whether a validation follows when so many epochs, or iterations, are done; beside that after the last one."""
    return loop.runner.val_loop is not None and done >= loop.val_begin and done % loop.val_interval == 0


class _Batches(Iterator[Any]):
    """A loader's epochs, one after the other.

    Args:
        loader: The loader.
        first: The first epoch, which is begun.
    """

    def __init__(self, loader: DetectionLoader, first: Iterator[Any]) -> None:
        self._loader = loader
        self._epoch = first

    def __next__(self) -> Any:
        for batch in self._epoch:
            return batch
        self._epoch = iter(self._loader)
        return next(self._epoch)
