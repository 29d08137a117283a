"""How the samples of one key are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from penstock.dataset import Tensor
from penstock.dataset.interface import Route
from penstock.format.pictures import Color
from penstock.format.sample import Decode
from penstock.loading.image_output import ImageOutput
from penstock.traces.recorder import span

__all__ = ["Reading"]


@dataclass(frozen=True)
class Reading:
    """What becomes of a tensor's samples.

    Attributes:
        tensor: The tensor.
        color: Of images.
        decode: As in :meth:`penstock.dataset.Tensor.read`.
        images: How images come out; None: as stored.
    """

    tensor: Tensor
    color: Color = "native"
    decode: Decode = "numpy"
    images: ImageOutput | None = None

    def read(self, index: int) -> Any:
        """A sample, read without the core."""
        with span("load", sample=index, tensor=self.tensor.name):
            return self._arranged(self.tensor.read(index, self.color, self.decode))

    def value(self, index: int, pieces: Sequence[bytes]) -> Any:
        """A sample of the bytes that the core has read: of each item of a sequence, else of the sample alone."""
        return self._arranged(self.tensor.value(index, pieces, self.color, self.decode))

    def _arranged(self, sample: Any) -> Any:
        return sample if self.images is None else self.images.arrange(sample)

    @property
    def route(self) -> Route:
        """Who reads the samples for the native loader."""
        return self.tensor.route(self.decode)

    @property
    def core_compression(self) -> str:
        """The compression of samples that the core undoes."""
        undone = self.route == "arrays" or (self.decode == "numpy" and self.tensor.value_format is not None)
        return (self.tensor.sample_compression if undone else None) or "none"

    @property
    def core_dtype(self) -> np.dtype[Any]:
        """Elements of the arrays that the core makes."""
        if self.route != "arrays":
            return np.dtype(np.uint8)
        # Only tensors without samples have none; numpy's default, as with Deep Lake.
        return np.dtype(np.float64) if self.tensor.dtype is None else self.tensor.dtype

    @property
    def batch_dtype(self) -> np.dtype[Any]:
        """Elements of a batch as the core makes it, where images may come out otherwise than they are stored."""
        if self.images is None or self.route != "arrays":
            return self.core_dtype
        return self.images.core_dtype(self.core_dtype)

    def core_fixed_shape(self, stored: tuple[int, ...] | None) -> tuple[int, ...] | None:
        """The shape of all samples as the core makes them, where it may find them by it.

        Args:
            stored: The shape of all stored items, where they have one.
        """
        tensor = self.tensor
        if self.route != "bytes" or stored is None:
            return stored
        if tensor.value_format is not None or tensor.sample_compression is not None or tensor.dtype is None:
            return None
        return (int(np.prod(stored, dtype=np.int64)) * tensor.dtype.itemsize,)
