"""Images that are normalised where the model is: they cross as bytes, a quarter of what floats take."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

__all__ = ["NormalizeOn", "normalize_on"]


def normalize_on(
    device: torch.device | str,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    dtype: torch.dtype = torch.float32,
    layout: Literal["nhwc", "nchw"] = "nhwc",
    key: str | None = None,
) -> NormalizeOn:
    """What copies uint8 images to a device and normalises them there.

    The result is ``(images / 255 - mean) / std``, in float32 and then in ``dtype``: bit for bit what torchvision's
    ``convert_image_dtype`` and ``normalize`` (``ToTensor`` and ``Normalize``) give on that device.

    Args:
        device: Where to.
        mean, std: A number for each channel, or one for all, for values from 0 to 1, as torchvision takes them.
        dtype: Of the result.
        layout: Of the images that come in: ``"nhwc"``, as :class:`penstock.DataLoader` gives them by default, or
            ``"nchw"``.
        key: Where batches are dicts: which of their values are the images. The others stay as they are.

    Returns:
        A callable. It takes a uint8 tensor, [n, h, w, c] or [n, c, h, w], or a list of tensors without the first axis,
        or a dict that holds either under ``key``. It gives a tensor [n, c, h, w], or a list of [c, h, w], or a new
        dict. The memory of images that came as [n, h, w, c] stays in this order: torch's ``channels_last``. Pinned
        images are copied while the program goes on (``non_blocking``).

    Raises:
        TypeError: Images of another dtype; a dict without ``key``, or a key for what is no dict.
        ValueError: Another number of channels than ``mean`` has, or of axes; a ``std`` of 0.
    """
    if layout not in ("nhwc", "nchw"):
        raise ValueError(f"layout must be 'nhwc' or 'nchw', got {layout!r}")
    if not dtype.is_floating_point:
        raise TypeError(f"dtype must be one of floating point numbers, got {dtype}")
    means, deviations = _numbers("mean", mean), _numbers("std", std)
    if len(means) != len(deviations):
        raise ValueError(f"mean has {len(means)} numbers, and std {len(deviations)}")
    if 0.0 in deviations:
        raise ValueError("std must not be 0")
    return NormalizeOn(torch.device(device), means, deviations, dtype, layout, key)


def _numbers(name: str, values: Any) -> tuple[float, ...]:
    numbers = (values,) if isinstance(values, int | float) else tuple(values)
    if not numbers:
        raise ValueError(f"{name} has no numbers")
    return tuple(float(number) for number in numbers)


@dataclass(frozen=True)
class NormalizeOn:
    """See :func:`normalize_on`. It pickles.

    Attributes:
        device, mean, std, dtype, layout, key: As they were given.
    """

    device: torch.device
    mean: tuple[float, ...]
    std: tuple[float, ...]
    dtype: torch.dtype
    layout: str
    key: str | None

    def __call__(self, batch: Any) -> Any:
        """The batch, normalised on the device."""
        if isinstance(batch, Mapping):
            if self.key is None:
                raise TypeError(f"the batch is a dict of {list(batch)}: say which of these are images (key=...)")
            return {**batch, self.key: self._images(batch[self.key])}
        if self.key is not None:
            raise TypeError(f"key={self.key!r} was given, and the batch is no dict but a {type(batch).__name__}")
        return self._images(batch)

    def _images(self, images: Any) -> torch.Tensor | list[torch.Tensor]:
        if isinstance(images, torch.Tensor):
            return self._normalized(images, 4)
        if isinstance(images, list | tuple):
            return [self._normalized(image, 3) for image in images]
        raise TypeError(f"images must be a tensor or a list of tensors, got {type(images).__name__}")

    def _normalized(self, images: torch.Tensor, axes: int) -> torch.Tensor:
        if images.dtype != torch.uint8:
            raise TypeError(f"images must be uint8, got {images.dtype}")
        if images.ndim != axes:
            raise ValueError(f"images must have {axes} axes, got the shape {tuple(images.shape)}")
        moved = images.to(self.device, non_blocking=images.is_pinned())
        if self.layout == "nhwc":
            moved = moved.movedim(-1, -3)
        channels = moved.shape[-3]
        if len(self.mean) not in (1, channels):
            raise ValueError(f"mean has {len(self.mean)} numbers, and images have {channels} channels")
        mean, std = (_column(numbers, self.device) for numbers in (self.mean, self.std))
        return moved.to(torch.float32).div_(255).sub_(mean).div_(std).to(self.dtype)


@functools.lru_cache(maxsize=64)
def _column(numbers: tuple[float, ...], device: torch.device) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float32, device=device).view(-1, 1, 1)
