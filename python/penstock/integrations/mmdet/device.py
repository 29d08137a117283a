"""The model on its device, in mmcv's wrapper."""

from __future__ import annotations

from typing import Any

import torch
from mmcv.parallel import MMDataParallel

__all__ = ["OneDevice", "moved"]

_NO_DEVICE = [-1]  # mmcv's way of unwrapping a batch without copying it


class OneDevice(MMDataParallel):  # type: ignore[misc]
    """``MMDataParallel`` for the CPU or one GPU, that copies batches itself.

    mmcv 1.7's own copying calls an internal function of torch that takes other arguments since torch 2.1, so that
    training on a GPU fails there.

    Args:
        module: The model.
        device: Where it runs.
    """

    def __init__(self, module: torch.nn.Module, device: torch.device) -> None:
        super().__init__(module, device_ids=[device.index or 0])
        if device.type == "cpu":
            # Where the machine has a GPU, torch has taken that.
            self.module.to(device)
            self.device_ids: list[int] = []

    def scatter(self, inputs: Any, kwargs: Any, device_ids: list[int]) -> tuple[Any, Any]:
        """A batch without its containers, on the device."""
        inputs, kwargs = super().scatter(inputs, kwargs, _NO_DEVICE)
        if device_ids == _NO_DEVICE:
            return inputs, kwargs
        return moved(inputs, self.src_device_obj), moved(kwargs, self.src_device_obj)


def moved(value: Any, device: torch.device) -> Any:
    """All tensors in lists, tuples and dicts on a device; copied without waiting where they lie in pinned memory."""
    if isinstance(value, torch.Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, dict):
        return {key: moved(item, device) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(moved(item, device) for item in value)
    return value
