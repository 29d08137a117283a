"""MMDetection's iteration-based runner: no waiting at the turn of an epoch, and checkpoints that count."""

from __future__ import annotations

from typing import Any

import mmcv
from mmcv.runner import IterBasedRunner, get_host_info

from penstock.integrations.mmdet.training.endless_loader import EndlessLoader
from penstock.integrations.mmdet.training.resume import Position
from penstock.integrations.mmdet.training.resuming_runner import ResumingRunner

__all__ = ["IterRunner"]


class IterRunner(ResumingRunner, IterBasedRunner):  # type: ignore[misc]
    """mmcv's ``IterBasedRunner`` without its two seconds of sleep before each epoch of the loader.

    Its checkpoints count the iteration after which they were written; mmcv's own do not, and do it again.
    """

    def train(self, data_loader: Any, **kwargs: Any) -> None:
        """Trains for an iteration."""
        resumption, self._resumption = self._resumption, None
        if resumption is not None:
            resumption.restore(self)
        self._trained = data_loader._dataloader
        super().train(data_loader, **kwargs)

    def run(
        self,
        data_loaders: list[Any],
        workflow: list[tuple[str, int]],
        max_iters: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Runs the workflow's phases in turns until ``max_iters`` iterations of training are done."""
        assert isinstance(data_loaders, list)
        assert mmcv.is_list_of(workflow, tuple)
        assert len(data_loaders) == len(workflow)
        if max_iters is not None:
            self._max_iters = max_iters
        assert self._max_iters is not None, "max_iters belongs into the runner's configuration"
        self.logger.info("Start running, host: %s, work_dir: %s", get_host_info(), self.work_dir or "NONE")
        self.logger.info("Hooks will be executed in the following order:\n%s", self.get_hook_info())
        self.logger.info("workflow: %s, max: %d iters", workflow, self._max_iters)
        self.call_hook("before_run")
        turns, done = self._done(workflow)
        loaders = [
            self._endless(loader, mode, turns * iterations + own)
            for loader, (mode, iterations), own in zip(data_loaders, workflow, done, strict=True)
        ]
        self.call_hook("before_epoch")
        while self.iter < self._max_iters:
            for number, (loader, (mode, iterations)) in enumerate(zip(loaders, workflow, strict=True)):
                if not isinstance(mode, str) or not hasattr(self, mode):
                    raise ValueError(f"the runner has no phase {mode!r} to run")
                self._inner_iter, done[number] = done[number], 0
                for _ in range(self._inner_iter, iterations):
                    if mode == "train" and self.iter >= self._max_iters:
                        break
                    getattr(self, mode)(loader, **kwargs)
        self.call_hook("after_epoch")
        self.call_hook("after_run")

    def call_hook(self, fn_name: str) -> None:
        """As mmcv's; what a checkpoint written by one of the hooks goes on with is known before."""
        if fn_name == "after_train_iter":
            self.position = Position(self.data_loader.epoch, self.data_loader.batches, self.iter + 1)
        super().call_hook(fn_name)

    def save_checkpoint(
        self,
        out_dir: str,
        filename_tmpl: str = "iter_{}.pth",
        meta: dict[str, Any] | None = None,
        save_optimizer: bool = True,
        create_symlink: bool = True,
    ) -> None:
        """As mmcv's."""
        name = filename_tmpl.format(self.position.iteration)
        self._save(out_dir, name, save_optimizer, meta, create_symlink)

    def _done(self, workflow: list[tuple[str, int]]) -> tuple[int, list[int]]:
        """How often a resumed run had gone through its phases, and how many iterations of each it had done since: its
        checkpoint was written after one of training.
        """
        in_turn = sum(iterations for mode, iterations in workflow if mode == "train")
        if self._resumption is None or self.iter == 0 or in_turn == 0:
            return 0, [0] * len(workflow)
        turns = (self.iter - 1) // in_turn
        left, done = self.iter - turns * in_turn, []
        for mode, iterations in workflow:
            done.append(min(left, iterations) if mode == "train" else iterations * (left > 0))
            left -= done[-1] if mode == "train" else 0
        return turns, done

    def _endless(self, loader: Any, mode: str, done: int) -> EndlessLoader:
        resumption = self._resumption
        if resumption is None:
            return EndlessLoader(loader)
        if mode != "train":
            epoch, batches = divmod(done, max(1, len(loader)))
            return EndlessLoader(loader, epoch, batches, resumption.set_loader(loader, epoch, batches))
        position = resumption.position
        going_on = resumption.restore_loader(loader, self.logger)
        self.position = Position(position.epoch, loader.batches_done if going_on else position.batch, self.iter)
        if resumption.complete:
            return EndlessLoader(loader, position.epoch, len(loader))
        return EndlessLoader(loader, position.epoch, loader.batches_done if going_on else 0, going_on)
