"""MMDetection's epoch-based runner: no waiting at the turn of an epoch, and checkpoints within one."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from mmcv.runner import EpochBasedRunner

from penstock.integrations.mmdet.training.model_state import unchanged
from penstock.integrations.mmdet.training.resume import Position, Resumption
from penstock.integrations.mmdet.training.resuming_runner import ResumingRunner

__all__ = ["EpochRunner"]


class EpochRunner(ResumingRunner, EpochBasedRunner):  # type: ignore[misc]
    """mmcv's ``EpochBasedRunner`` without its two seconds of sleep before each epoch.

    A checkpoint that is saved within an epoch (``CheckpointHook`` with ``by_epoch=False``) goes by the number of
    iterations, ``iter_{}.pth``, as the hook takes for granted, and is resumed there; mmcv's own overwrites
    ``epoch_{}.pth`` and is resumed with the next epoch.
    """

    def train(self, data_loader: Any, **kwargs: Any) -> None:
        """Trains for an epoch, or what is left of it."""
        self.model.train()
        self.mode = "train"
        self.data_loader = self._trained = data_loader
        self._max_iters = self._max_epochs * len(data_loader)
        resumption, self._resumption = self._resumption, None
        within = resumption is not None and resumption.position.batch > 0
        if resumption is not None and not within:
            resumption.restore(self)
        self.position = Position(self.epoch, 0, self.iter)
        # Hooks that change weights there (EMAHook swaps them with their averages) did so before the checkpoint.
        with unchanged(self.model) if within else nullcontext():
            self.call_hook("before_train_epoch")
        first = self._go_on(data_loader, resumption)
        self.position = Position(self.epoch, first, self.iter)
        # Nothing is left where the checkpoint was written after an epoch's last batch.
        for i, batch in enumerate(data_loader if first < len(data_loader) else (), start=first):
            self.data_batch = batch
            self._inner_iter = i
            self.call_hook("before_train_iter")
            self.run_iter(batch, train_mode=True, **kwargs)
            self.position = Position(self.epoch, i + 1, self.iter + 1)
            self.call_hook("after_train_iter")
            del self.data_batch
            self._iter += 1
        self.position = Position(self.epoch + 1, 0, self.iter)
        self.call_hook("after_train_epoch")
        self._epoch += 1

    @torch.no_grad()
    def val(self, data_loader: Any, **kwargs: Any) -> None:
        """Computes the losses of an epoch of validation."""
        self.model.eval()
        self.mode = "val"
        self.data_loader = data_loader
        self.call_hook("before_val_epoch")
        for i, batch in enumerate(data_loader):
            self.data_batch = batch
            self._inner_iter = i
            self.call_hook("before_val_iter")
            self.run_iter(batch, train_mode=False)
            self.call_hook("after_val_iter")
            del self.data_batch
        self.call_hook("after_val_epoch")

    def save_checkpoint(
        self,
        out_dir: str,
        filename_tmpl: str | None = None,
        save_optimizer: bool = True,
        meta: dict[str, Any] | None = None,
        create_symlink: bool = True,
    ) -> None:
        """As mmcv's; ``filename_tmpl`` is "epoch_{}.pth" after an epoch and "iter_{}.pth" within."""
        within = self.position.batch > 0
        template = filename_tmpl or ("iter_{}.pth" if within else "epoch_{}.pth")
        number = self.position.iteration if within else self.epoch + 1
        self._save(out_dir, template.format(number), save_optimizer, meta, create_symlink)

    def _go_on(self, data_loader: Any, resumption: Resumption | None) -> int:
        """The first batch of the epoch that begins."""
        if resumption is None:
            return 0
        position = resumption.position
        going_on = resumption.restore_loader(data_loader, self.logger)
        if resumption.complete:
            resumption.restore(self)
            return len(data_loader)
        if not going_on:
            self._iter = position.epoch * len(data_loader) if position.batch else self._iter
            return 0
        if position.batch:
            # Not before: hooks have drawn at this epoch's beginning already.
            resumption.restore(self)
        # Not the checkpoint's number: with other ranks, or batches of another size, an epoch has others.
        return int(data_loader.batches_done)
