"""What loaders, commands and integrations need of a dataset, whatever format it is stored in.

Deep Lake 3 (:mod:`penstock.dataset.lake3.dataset`, :mod:`penstock.dataset.lake3.tensor`) and Deep Lake 4
(:mod:`penstock.dataset.lake4`) provide it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from penstock.format.decode import Color
from penstock.format.sample import Decode

__all__ = ["Dataset", "Tensor"]

# Inside the protocol below, `bytes` is a method.
_bytes = bytes


class Tensor(Protocol):
    """A tensor (Deep Lake 4: a column): a list of samples, read one by one.

    The reading methods raise errors of :mod:`penstock.errors` that name dataset, tensor and sample.
    """

    @property
    def name(self) -> str:
        """Full name."""
        ...

    @property
    def path(self) -> str:
        """The dataset's path."""
        ...

    @property
    def htype(self) -> str:
        """Deep Lake 3's word for the type: "image", "bbox", "class_label", ...; "generic" where none is given."""
        ...

    @property
    def base_htype(self) -> str:
        """The type of a sequence's items and of linked files, else the same as :attr:`htype`."""
        ...

    @property
    def is_sequence(self) -> bool:
        """Whether samples are sequences of items."""
        ...

    @property
    def is_link(self) -> bool:
        """Whether samples are files elsewhere."""
        ...

    @property
    def decodes_images(self) -> bool:
        """Whether samples are images, or are compressed as if they were."""
        ...

    @property
    def is_image(self) -> bool:
        """Whether samples are images."""
        ...

    @property
    def value_format(self) -> object | None:
        """None for arrays; else samples are Python values (text, dicts, polygons), which ``value`` makes of bytes."""
        ...

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """Dtype of the samples; None for text and the like."""
        ...

    @property
    def sample_compression(self) -> str | None: ...

    @property
    def chunk_compression(self) -> str | None: ...

    @property
    def min_shape(self) -> tuple[int, ...]:
        """Smallest extent of each axis over all samples."""
        ...

    @property
    def max_shape(self) -> tuple[int, ...]:
        """Largest extent of each axis over all samples."""
        ...

    @property
    def ndim(self) -> int:
        """Number of axes of a sample."""
        ...

    @property
    def info(self) -> Mapping[str, Any]:
        """What the dataset's author noted of the tensor; of boxes, "coords"."""
        ...

    @property
    def class_names(self) -> list[str] | None:
        """Names of the classes, by label; None where none are given."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Any:
        """A sample as Deep Lake returns it."""
        ...

    def read(self, index: int, color: Color = "native", decode: Decode = "numpy") -> Any:
        """A decoded sample; for images, ``color`` "rgb" and "bgr" give uint8 (h, w, 3), "gray" uint8 (h, w). ``decode``
        "bytes" gives what :meth:`bytes` does, "pil" a ``PIL.Image.Image``.
        """
        ...

    def bytes(self, index: int) -> _bytes:
        """A sample's bytes as stored: a JPEG file, for example."""
        ...

    def value(
        self, index: int, pieces: Sequence[_bytes], color: Color = "native", decode: Decode = "numpy"
    ) -> Any:
        """What the bytes that the native core has read stand for: of each item of a sequence, else of the sample."""
        ...

    def shape(self, index: int) -> tuple[int, ...]:
        """Shape of a sample, without decoding it."""
        ...

    def shapes(self) -> npt.NDArray[np.int64]:
        """Shapes of all samples, int64 [samples, axes]."""
        ...

    def numpy_all(self) -> list[Any]:
        """All samples: for small tensors such as labels and boxes."""
        ...

    def unsupported(self, decode: Decode = "numpy") -> str | None:
        """Why the tensor cannot be loaded, None when it can."""
        ...

    def check_supported(self, decode: Decode = "numpy") -> None:
        """Raises UnsupportedError when the tensor cannot be loaded."""
        ...


class Dataset(Protocol):
    """A dataset, read only. :func:`penstock.open` makes one."""

    @property
    def path(self) -> str:
        """Its directory or URL."""
        ...

    @property
    def commit_id(self) -> str:
        """The commit that is read."""
        ...

    @property
    def branch(self) -> str:
        """The branch that is read, or that the commit was made on."""
        ...

    @property
    def view_id(self) -> str | None:
        """The id (Deep Lake 4: the tag) of the saved view that it was opened as; None for what is none."""
        ...

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """Tensors by full name, in Deep Lake's order."""
        ...

    @property
    def info(self) -> Mapping[str, Any]:
        """What the dataset's author noted."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, name: str) -> Tensor:
        """A tensor by its full name. Raises TensorNotFoundError."""
        ...

    def __contains__(self, name: object) -> bool: ...

    def fingerprint(self) -> str:
        """Sixteen hex digits that stand for the samples that are read: a resumed loader needs the same."""
        ...
