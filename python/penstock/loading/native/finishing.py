"""What Python does to a batch that the core has loaded, in the thread that iterates."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import torch

from penstock.loading.collate import sequence_batch, tensor_batch
from penstock.loading.native.batch import native_batch
from penstock.loading.native.python_side import Columns, PythonPart, stored_values
from penstock.loading.samples import Samples
from penstock.locks import ForkLock
from penstock.traces.recorder import span

if TYPE_CHECKING:
    from penstock import _core

__all__ = ["Finisher", "pinned"]


class Finisher:
    """Makes batches as they are handed out.

    Args:
        samples: What is loaded.
        python: What makes batches sample by sample; None: batches are made whole.
        pin_memory: Whether what Python makes is copied to pinned memory.

    Attributes:
        seconds: What Python's transforms and collate have taken.
    """

    def __init__(self, samples: Samples, python: PythonPart | None, *, pin_memory: bool) -> None:
        self.seconds = 0.0
        self._counting = ForkLock()
        self._samples = samples
        self._dtypes = samples.core_dtypes
        self._python = python
        self._pin_memory = pin_memory

    def __call__(
        self, indices: Any, tensors: list[_core._TensorBatch], metas: Any, columns: Columns, epoch: int
    ) -> Any:
        """The batch.

        Args:
            indices, tensors, metas: As :meth:`penstock._core.Epoch.next` gives them.
            columns: Samples that Python's threads read beside the core.
            epoch: The epoch.
        """
        with span("python", epoch=epoch):
            return self._made(indices, tensors, metas, columns, epoch)

    def _made(self, indices: Any, tensors: list[_core._TensorBatch], metas: Any, columns: Columns, epoch: int) -> Any:
        start = time.perf_counter()
        native = self._samples.program.native
        if self._python is not None:
            batch = self._python(indices.tolist(), tensors, metas, epoch, columns)
            batch = pinned(batch) if self._pin_memory else batch
        elif native is not None:
            assert native.complete is not None
            batch = native.complete(native_batch(tensors, metas))
        else:
            by_key = dict(zip(self._dtypes, tensors, strict=True))
            return self._untouched(indices.tolist(), by_key, columns)
        self.add(time.perf_counter() - start)
        return batch

    def add(self, seconds: float) -> None:
        """Counts what was done elsewhere, or here."""
        with self._counting:
            self.seconds += seconds

    def _untouched(
        self, indices: list[int], tensors: dict[str, _core._TensorBatch], columns: Columns
    ) -> dict[str, Any]:
        """A batch as the core has made it."""
        made = self._samples.collate_columns(stored_values(self._samples, indices, tensors, columns))
        if self._pin_memory and made:
            made = pinned(made)
        batch = {
            key: made[key] if key in made else self._column(key, indices, tensors[key])
            for key in self._samples.readings
        }
        if self._samples.return_index:
            batch["index"] = torch.tensor(indices, dtype=torch.int64)
        return batch

    def _column(self, key: str, indices: list[int], native: _core._TensorBatch) -> Any:
        """Arrays of a batch that the core has made, as the default collate gives them."""
        tensor, dtype = self._samples.tensors[key], self._dtypes[key]
        if tensor.is_sequence:
            return sequence_batch(native, dtype, tensor.item_counts(indices), tensor.empty_sequence)
        batch = tensor_batch(native, dtype)
        images = self._samples.readings[key].images
        return batch if images is None else images.of_core(batch)


def pinned(batch: Any) -> Any:
    """A copy of a batch of any structure in pinned memory, as torch's own loader makes it."""
    return torch.utils.data._utils.pin_memory.pin_memory(batch)  # type: ignore[no-untyped-call]
