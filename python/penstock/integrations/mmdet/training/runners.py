"""MMDetection's two runners: no waiting at the turn of an epoch, and checkpoints that go on with the next batch."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import mmcv
import torch
from mmcv.runner import BaseRunner, EpochBasedRunner, IterBasedRunner, get_host_info, save_checkpoint

from penstock.errors import ConfigError, StorageError
from penstock.integrations.mmdet.training.endless_loader import EndlessLoader
from penstock.integrations.mmdet.training.model_state import (
    gradients_in_state,
    iterations_of_a_step,
    not_in,
    put_back,
    taken_gradients,
    unchanged,
)
from penstock.integrations.mmdet.training.random_state import random_state
from penstock.integrations.mmdet.training.resume import META_KEY, Position, Resumption

__all__ = ["EpochRunner", "IterRunner", "runner_config"]


class _Resuming(BaseRunner):  # type: ignore[misc]
    """What both runners have in common.

    Attributes:
        position: What a checkpoint that is written now would go on with.
        random_states: The random generators of all ranks, while a checkpoint of several is written.
    """

    meta: dict[str, Any] | None
    _iter: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.position = Position()
        self.random_states: list[dict[str, Any]] | None = None
        self._trained: Any = None
        self._loaded_meta: Mapping[str, Any] = {}
        self._loaded_rest: Mapping[str, torch.Tensor] = {}
        self._loaded_optimizer = False
        self._resumption: Resumption | None = None
        self._resumed_rest: Mapping[str, torch.Tensor] = {}

    def load_checkpoint(self, *args: Any, **kwargs: Any) -> Any:
        """As mmcv's; keeps what the checkpoint says of itself, and what it holds that the model has not."""
        try:
            checkpoint = super().load_checkpoint(*args, **kwargs)
        except Exception as error:
            # Whatever unpickling raises.
            name = args[0] if args else kwargs.get("filename")
            raise StorageError(f"the checkpoint '{name}' cannot be read: {type(error).__name__}: {error}") from error
        self._loaded_meta = checkpoint.get("meta", {})
        self._loaded_optimizer = "optimizer" in checkpoint
        self._loaded_rest = not_in(self.model, checkpoint.get("state_dict", {}))
        return checkpoint

    def resume(
        self, checkpoint: str, resume_optimizer: bool = True, map_location: str | Callable[..., Any] = "default"
    ) -> None:
        """As mmcv's. A checkpoint of these runners goes on with the batch that would have come next; another, as
        mmcv would.
        """
        if map_location == "default" and not torch.cuda.is_available():
            # The iteration-based runner would ask for a GPU.
            map_location = "cpu"
        try:
            super().resume(checkpoint, resume_optimizer, map_location)
        except KeyError as error:
            raise ConfigError(
                f"resume_from: the checkpoint '{checkpoint}' has no {error}, so that no run can go on with it",
                hint="load_from takes the weights alone",
            ) from error
        if resume_optimizer and not self._loaded_optimizer:
            self.logger.warning(
                "the checkpoint '%s' is without its optimizer (save_optimizer=False): momentum begins anew",
                checkpoint,
            )
        meta, self._loaded_meta = self._loaded_meta, {}
        self._resumption, self._resumed_rest = Resumption.of(meta, taken_gradients(self.optimizer)), self._loaded_rest
        kept = {key: meta[key] for key in ("hook_msgs", "fp16") if key in meta}
        if kept:
            # The iteration-based runner forgets the best score and the scale of the losses.
            self.meta = {**(self.meta or {}), **kept}
        if self.meta is not None:
            self.meta.pop(META_KEY, None)

    def call_hook(self, fn_name: str) -> None:
        """As mmcv's."""
        super().call_hook(fn_name)
        if fn_name == "before_run":
            # Buffers that hooks have only now added to the model: the averages of an EMAHook that was not told of the
            # checkpoint.
            put_back(self.model, self._resumed_rest)

    def _save(
        self, path: str, name: str, save_optimizer: bool, meta: dict[str, Any] | None, create_symlink: bool
    ) -> None:
        if meta is not None and not isinstance(meta, dict):
            raise TypeError(f"meta is a dict or None, got {type(meta)}")
        position = self.position
        # In this order: the runner's own meta may stem from another checkpoint.
        meta = {
            **(meta or {}),
            **(self.meta or {}),
            "epoch": position.epoch,
            "iter": position.iteration,
            META_KEY: position.note(self._trained, self.random_states or [random_state()], iterations_of_a_step(self)),
        }
        # Checkpoints may go to a store: such an address is no Path.
        target = os.path.join(path, name)  # noqa: PTH118
        with gradients_in_state(self):
            save_checkpoint(self.model, target, optimizer=self.optimizer if save_optimizer else None, meta=meta)
        if create_symlink:
            latest = os.path.join(path, "latest.pth")  # noqa: PTH118
            if sys.platform == "win32":
                shutil.copy(target, latest)
            else:
                mmcv.symlink(name, latest)


class EpochRunner(_Resuming, EpochBasedRunner):  # type: ignore[misc]
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
        return position.batch


class IterRunner(_Resuming, IterBasedRunner):  # type: ignore[misc]
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
        self.position = Position(position.epoch, position.batch, self.iter)
        going_on = resumption.restore_loader(loader, self.logger)
        if resumption.complete:
            return EndlessLoader(loader, position.epoch, len(loader))
        return EndlessLoader(loader, position.epoch, position.batch if going_on else 0, going_on)


_STOCK = {"EpochBasedRunner": EpochRunner, "IterBasedRunner": IterRunner}


def runner_config(runner: Mapping[str, Any]) -> dict[str, Any]:
    """The runner's configuration with mmcv's two runners replaced by ours; another type is left as it is."""
    kind = runner.get("type")
    return {**runner, "type": _STOCK.get(kind, kind) if isinstance(kind, str) else kind}
