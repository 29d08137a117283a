"""The model on its device, in mmcv's wrappers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from mmcv.parallel import MMDataParallel, MMDistributedDataParallel
from mmcv.parallel.scatter_gather import scatter_kwargs

__all__ = ["OneDevice", "Replica", "moved"]

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


class Replica(MMDistributedDataParallel):  # type: ignore[misc]
    """One rank's copy of the model, on the CPU or a GPU; gradients are averaged over the ranks.

    ``MMDistributedDataParallel`` of mmcv 1.7 reaches into what torch's class was before 2.1, does not unwrap batches
    on the CPU, and rebuilds torch's ``forward`` for ``train_step`` and ``val_step``. Here all three are calls of
    torch's own ``forward``, so that gradients and buffers are kept in step as torch does it.

    Args:
        module: The model, alike on all ranks afterwards: as rank 0 has it.
        device: Where it runs.
        find_unused_parameters, broadcast_buffers: As in torch's ``DistributedDataParallel``.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        device: torch.device,
        *,
        find_unused_parameters: bool = False,
        broadcast_buffers: bool = False,
    ) -> None:
        # Without device_ids torch leaves the inputs alone: it knows no containers.
        super().__init__(
            module.to(device), find_unused_parameters=find_unused_parameters, broadcast_buffers=broadcast_buffers
        )
        self._target = device
        self._called: str | None = None

    def train_step(self, *inputs: Any, **kwargs: Any) -> Any:
        """The model's ``train_step``."""
        return self._through_forward("train_step", inputs, kwargs)

    def val_step(self, *inputs: Any, **kwargs: Any) -> Any:
        """The model's ``val_step``."""
        return self._through_forward("val_step", inputs, kwargs)

    def _through_forward(self, method: str, inputs: Any, kwargs: Any) -> Any:
        self._called = method
        try:
            return self(*inputs, **kwargs)
        finally:
            self._called = None

    def _run_ddp_forward(self, *inputs: Any, **kwargs: Any) -> Any:
        # The part of torch's forward that calls the module.
        call: Callable[..., Any] = self.module if self._called is None else getattr(self.module, self._called)
        plain, named = scatter_kwargs(inputs, kwargs, _NO_DEVICE)
        return call(*moved(plain[0], self._target), **moved(named[0], self._target))


def moved(value: Any, device: torch.device) -> Any:
    """All tensors in lists, tuples and dicts on a device; copied without waiting where they lie in pinned memory."""
    if isinstance(value, torch.Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, dict):
        return {key: moved(item, device) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(moved(item, device) for item in value)
    return value
