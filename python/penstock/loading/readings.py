"""How the samples of one key are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from penstock.dataset import Tensor
from penstock.dataset.joined import JoinedTensor
from penstock.dataset.lake3.tensor import Lake3Tensor
from penstock.dataset.lake4 import Lake4Tensor
from penstock.format.codecs import is_image_file
from penstock.format.pictures import Color
from penstock.format.sample import Decode

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

    def value(self, index: int, pieces: Sequence[bytes]) -> Any:
        """A sample of the bytes that the core has read: of each item of a sequence, else of the sample alone."""
        return self.tensor.value(index, pieces, self.color, self.decode)

    @property
    def route(self) -> Route:
        """Who reads the samples for the native loader."""
        tensor = self.tensor
        if isinstance(tensor, JoinedTensor):
            routes = {part.route for part in self._parts(tensor)}
            return routes.pop() if len(routes) == 1 and not tensor.apart else "python"
        if isinstance(tensor, Lake4Tensor):
            if self.decode != "numpy":
                return "python"
            return "arrays" if tensor.value_format is None else "bytes"
        assert isinstance(tensor, Lake3Tensor)
        if tensor.is_link:
            # The files say themselves what they are, and only Python asks them.
            return "python"
        if is_image_file(tensor.chunk_compression):
            # A chunk that is one image is of no use to Python in parts.
            natively = self.decode == "numpy" and _core_decodes(tensor.chunk_compression, tensor.dtype)
            return "arrays" if natively else "python"
        if self.decode == "numpy" and tensor.value_format is None:
            compression = tensor.sample_compression
            if not is_image_file(compression) or _core_decodes(compression, tensor.dtype):
                return "arrays"
        # The bytes of a sample in tiles are not in one piece.
        return "python" if tensor.chunks.tiles else "bytes"

    @property
    def is_for_core_transforms(self) -> bool:
        """Whether the core's transforms can start from the samples: each stored in one piece that the core reads, and
        decodes where it is an array.
        """
        tensor = self.tensor
        if isinstance(tensor, JoinedTensor):
            return not tensor.apart and all(part.is_for_core_transforms for part in self._parts(tensor))
        if tensor.is_sequence or (isinstance(tensor, Lake3Tensor) and tensor.chunks.tiles):
            return False
        if tensor.value_format is not None:
            # Of Deep Lake 4, values pass through the core in forms that are Python's own.
            return self.route == "bytes" and isinstance(tensor, Lake3Tensor)
        return self.route == "arrays"

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
        assert isinstance(tensor, Lake3Tensor | JoinedTensor)
        shape = tensor.layout.fixed_shape
        if self.route != "bytes" or shape is None:
            return shape
        if tensor.value_format is not None or tensor.sample_compression is not None or tensor.dtype is None:
            return None
        return (int(np.prod(shape, dtype=np.int64)) * tensor.dtype.itemsize,)

    def _parts(self, tensor: JoinedTensor) -> list[Reading]:
        return [replace(self, tensor=part) for part in tensor.parts]


def _core_decodes(compression: str, dtype: np.dtype[Any] | None) -> bool:
    """Whether the core decodes image files to such elements."""
    if compression == "png":
        return dtype is not None and dtype.kind in "biu"
    return compression in ("jpeg", "webp") and dtype == np.uint8
