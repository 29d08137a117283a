"""How the samples of one key are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from penstock.dataset import Tensor
from penstock.reference.codecs import is_image_file
from penstock.reference.pictures import Color
from penstock.reference.sample import Decode

__all__ = ["Reading"]

#: What the native core does of it: arrays; bytes, which Python makes the samples of; nothing, Python reads by itself.
Route = Literal["arrays", "bytes", "python"]


@dataclass(frozen=True)
class Reading:
    """What becomes of a tensor's samples.

    Attributes:
        tensor: The tensor.
        color: Of images.
        decode: As in :meth:`penstock.dataset.Tensor.read`.
    """

    tensor: Tensor
    color: Color = "native"
    decode: Decode = "numpy"

    def read(self, index: int) -> Any:
        """A sample, read without the core."""
        return self.tensor.read(index, self.color, self.decode)

    def value(self, index: int, data: bytes) -> Any:
        """A sample of the bytes that the core has read."""
        return self.tensor.value(index, data, self.color, self.decode)

    @property
    def route(self) -> Route:
        """Who reads the samples for the native loader."""
        tensor = self.tensor
        if is_image_file(tensor.chunk_compression):
            # A chunk that is one image is of no use to Python in parts.
            natively = self.decode == "numpy" and _core_decodes(tensor.chunk_compression, tensor.dtype)
            return "arrays" if natively else "python"
        if self.decode != "numpy" or tensor.value_format is not None:
            return "bytes"
        compression = tensor.sample_compression
        return "arrays" if not is_image_file(compression) or _core_decodes(compression, tensor.dtype) else "bytes"

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
    def core_fixed_shape(self) -> tuple[int, ...] | None:
        """The shape of all samples as the core makes them, where it may find them by it."""
        tensor = self.tensor
        if self.route != "bytes" or tensor.fixed_shape is None:
            return tensor.fixed_shape
        if tensor.value_format is not None or tensor.sample_compression is not None or tensor.dtype is None:
            return None
        return (int(np.prod(tensor.fixed_shape, dtype=np.int64)) * tensor.dtype.itemsize,)


def _core_decodes(compression: str, dtype: np.dtype[Any] | None) -> bool:
    """Whether the core decodes image files to such elements."""
    if compression == "png":
        return dtype is not None and dtype.kind in "biu"
    return compression in ("jpeg", "webp") and dtype == np.uint8
