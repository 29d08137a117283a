"""What MMDetection's two runners need so that a checkpoint goes on with the next batch."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from typing import Any

import mmcv
import torch
from mmcv.runner import BaseRunner, save_checkpoint

from penstock.errors import ConfigError, StorageError
from penstock.integrations.mmdet.training.model_state import (
    gradients_in_state,
    iterations_of_a_step,
    not_in,
    put_back,
    taken_gradients,
)
from penstock.integrations.mmdet.training.resume import META_KEY, Position, Resumption
from penstock.integrations.ranks.random_state import random_state

__all__ = ["ResumingRunner"]


class ResumingRunner(BaseRunner):  # type: ignore[misc]
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
