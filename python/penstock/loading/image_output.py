"""How images come out that models take as they are: planes, and numbers from 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import torch

from penstock.dataset import Tensor
from penstock.described import described
from penstock.errors import ConfigError

__all__ = ["DTYPES", "LAYOUTS", "ImageOutput", "image_output"]

Layout = Literal["nhwc", "nchw"]
LAYOUTS = ("nhwc", "nchw")
#: What the elements of images may be, where they are not as stored.
DTYPES = ("float32", "float16", "bfloat16")


@dataclass(frozen=True)
class ImageOutput:
    """What becomes of decoded images. :meth:`arrange` is what the core's ``decode/arrange`` does.

    Attributes:
        layout: "nhwc": height, width, channels, or what is stored. "nchw": channels, height, width; gray has one.
        dtype: One of DTYPES: values are divided by the largest one that the stored type has. None: as stored.
    """

    layout: Layout = "nhwc"
    dtype: str | None = None

    def check(self, tensor: Tensor) -> None:
        """Raises where images of the tensor do not come out so.

        Raises:
            ConfigError: Their numbers are not uint8 or uint16.
        """
        if tensor.dtype not in (None, np.dtype(np.uint8), np.dtype(np.uint16)):
            raise ConfigError(
                f"layout and dtype are for images of uint8 or uint16; those of '{tensor.name}' are {tensor.dtype}",
                hint="Leave the tensor out (tensors=[...]), or arrange the batch yourself",
            )

    def arrange(self, image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """An image [h, w] or [h, w, c] of uint8 or uint16 as it comes out; float32 where bfloat16 is asked for, which
        numpy does not have."""
        if self.dtype is not None:
            most = np.float32(np.iinfo(image.dtype).max)
            image = (image.astype(np.float32) / most).astype(np.float16 if self.dtype == "float16" else np.float32)
        if self.layout == "nchw" and image.ndim in (2, 3):
            image = image[np.newaxis] if image.ndim == 2 else np.moveaxis(image, -1, 0)
        return np.ascontiguousarray(image)

    def core_dtype(self, stored: np.dtype[Any]) -> np.dtype[Any]:
        """The elements of the core's arrays as numpy has them: the bits of bfloat16 are those of a uint16."""
        if self.dtype is None:
            return stored
        return np.dtype({"float32": np.float32, "float16": np.float16, "bfloat16": np.uint16}[self.dtype])

    @property
    def core_scale(self) -> str:
        """The core's word for the dtype."""
        return self.dtype or "none"

    def of_core(self, batch: Any) -> Any:
        """The tensors of a batch that the core has made, with their own dtype."""
        return _each(batch, lambda one: one.view(torch.bfloat16)) if self.dtype == "bfloat16" else batch

    def of_arrays(self, batch: Any) -> Any:
        """The tensors of a batch of images from :meth:`arrange`, with their own dtype."""
        return _each(batch, lambda one: one.to(torch.bfloat16)) if self.dtype == "bfloat16" else batch


def image_output(layout: object, dtype: object) -> ImageOutput | None:
    """How images come out, as a user says it; None: as stored.

    Raises:
        ValueError: No such layout or dtype.
        TypeError: The dtype is neither torch's nor a name.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout must be 'nhwc' or 'nchw', got {described(layout)}")
    name: str | None = None
    if dtype is not None:
        if not isinstance(dtype, str | torch.dtype):
            raise TypeError(f"dtype must be a dtype of torch, its name, or None, got {described(dtype)}")
        name = str(dtype).removeprefix("torch.")
        if name not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(map(repr, DTYPES))}, or None, got {described(dtype)}")
    if layout == "nhwc" and name is None:
        return None
    return ImageOutput(cast(Layout, layout), name)


def _each(batch: Any, change: Any) -> Any:
    return [change(one) for one in batch] if isinstance(batch, list) else change(batch)
