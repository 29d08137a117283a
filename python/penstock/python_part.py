"""The part of a batch that Python makes: transform, or what the core has left of it, and collate."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.collate import NativeTensor, collate_samples, numpy_samples, sample_bytes
from penstock.native_batch import native_samples
from penstock.samples import Samples

__all__ = ["PythonPart", "stored_values"]


@dataclass(frozen=True)
class PythonPart:
    """Makes a batch of what the core has read, sample by sample, wherever it is called.

    Attributes:
        samples: The dataset and the transform.
        collate: Makes the batch; None: the default.
    """

    samples: Samples
    collate: Callable[[list[Any]], Any] | None

    def __call__(self, indices: Sequence[int], tensors: Sequence[NativeTensor], metas: Any, epoch: int) -> Any:
        """The batch.

        Args:
            indices, tensors, metas: As :meth:`penstock._core.Epoch.next` gives them.
            epoch: The epoch.

        Raises:
            TransformError: The transform raised; its exception is the cause.
        """
        samples = self.samples
        native = samples.program.native
        if native is not None:
            assert native.resume is not None
            done = [
                samples.seeded(epoch, index, functools.partial(native.resume, sample))
                for index, sample in zip(indices, native_samples(tensors, metas), strict=True)
            ]
        else:
            columns = self._columns(indices, tensors)
            done = [
                samples.transformed({key: column[i] for key, column in columns.items()}, epoch, index)
                for i, index in enumerate(indices)
            ]
        return (self.collate or collate_samples)(done)

    def _columns(self, indices: Sequence[int], tensors: Sequence[NativeTensor]) -> dict[str, list[Any]]:
        dtypes = self.samples.dtypes
        by_key = dict(zip(dtypes, tensors, strict=True))
        values = stored_values(self.samples, indices, by_key)
        return {
            key: values[key] if key in values else numpy_samples(tensor, dtypes[key])
            for key, tensor in by_key.items()
        }


def stored_values(
    samples: Samples, indices: Sequence[int], tensors: dict[str, NativeTensor]
) -> dict[str, list[Any]]:
    """Text, JSON and polygons of a batch, by key: Python makes them of the bytes that the core has read."""
    sources = {key: tensor for key, tensor in samples.read_tensors.items() if tensor.value_format is not None}
    stored = {key: sample_bytes(tensors[key]) for key in sources}
    values: dict[str, list[Any]] = {key: [] for key in sources}
    # Sample by sample, so that the error of the first bad one is raised, as in the Python loader.
    for position, index in enumerate(indices):
        for key, tensor in sources.items():
            values[key].append(tensor.value(index, stored[key][position]))
    return values
