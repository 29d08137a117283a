"""What the core does not make of a batch, and Python does.

Tensors that the core does not read, by threads of Python while it reads the others; values of the bytes that it has
read; the transform, or what the core has left of it; and collate.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from penstock.loading.collate import NativeTensor, grouped, numpy_samples, sample_bytes, sequence_samples
from penstock.loading.native.batch import native_samples
from penstock.loading.readings import Reading
from penstock.loading.samples import Samples
from penstock.threads import DaemonPool

__all__ = ["Columns", "PythonPart", "read_columns", "stored_values"]

#: The samples of a batch by key, each under way or ready.
Columns = dict[str, list["Future[Any]"]]


@dataclass(frozen=True)
class PythonPart:
    """Makes a batch of what the core has read, sample by sample, wherever it is called.

    Attributes:
        samples: The dataset and the transform.
        collate: Makes the batch; None: the default.
    """

    samples: Samples
    collate: Callable[[list[Any]], Any] | None

    @property
    def seed(self) -> int:
        """The loader's seed."""
        return self.samples.seed

    def __call__(
        self,
        indices: Sequence[int],
        tensors: Sequence[NativeTensor],
        metas: Any,
        epoch: int,
        beside: Columns | None = None,
    ) -> Any:
        """The batch.

        Args:
            indices, tensors, metas: As :meth:`penstock._core.Epoch.next` gives them.
            epoch: The epoch.
            beside: Samples that Python's threads read beside the core; None where they are to be read here.

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
            columns = self._columns(indices, tensors, beside)
            done = [
                samples.transformed({key: column[i] for key, column in columns.items()}, epoch, index)
                for i, index in enumerate(indices)
            ]
        return (self.collate or samples.collate)(done)

    def _columns(
        self, indices: Sequence[int], tensors: Sequence[NativeTensor], beside: Columns | None
    ) -> dict[str, list[Any]]:
        by_key = dict(zip(self.samples.core_dtypes, tensors, strict=True))
        values = stored_values(self.samples, indices, by_key, beside)
        return {
            key: values[key] if key in values else self._sample_list(key, indices, by_key[key])
            for key in self.samples.readings
        }

    def _sample_list(self, key: str, indices: Sequence[int], native: NativeTensor) -> list[Any]:
        """Arrays of a batch that the core has made, sample by sample."""
        tensor, dtype = self.samples.tensors[key], self.samples.core_dtypes[key]
        if tensor.is_sequence:
            return sequence_samples(native, dtype, tensor.item_counts(indices), tensor.empty_sequence)
        return numpy_samples(native, dtype)


def stored_values(
    samples: Samples, indices: Sequence[int], tensors: Mapping[str, NativeTensor], beside: Columns | None
) -> dict[str, list[Any]]:
    """Samples of a batch that are no arrays of the core's, by key: Python makes them of the bytes that the core has
    read (text, polygons, rare image formats), or reads them by itself: ``beside``, or here where that is None.
    """
    readings = {key: reading for key, reading in samples.readings.items() if reading.route != "arrays"}
    stored = {
        key: grouped(sample_bytes(tensors[key]), reading.tensor.item_counts(indices))
        for key, reading in readings.items()
        if key in tensors
    }
    values: dict[str, list[Any]] = {key: [] for key in readings}
    # Sample by sample, so that the error of the first bad one is raised, as in the Python loader.
    for position, index in enumerate(indices):
        for key, reading in readings.items():
            if key in stored:
                values[key].append(reading.value(index, stored[key][position]))
            elif beside is None:
                values[key].append(reading.read(index))
            else:
                values[key].append(beside[key][position].result())
    return values


def read_columns(
    readings: Mapping[str, Reading],
    batches: Iterable[Iterable[int]],
    *,
    threads: int,
    ahead: int,
) -> Generator[Columns, None, None]:
    """Yields the samples of each batch as futures, whose ``result()`` raises what reading the sample raised.

    Args:
        readings: By key.
        batches: Indices, batch by batch.
        threads: How many read. They end with the iterator, or when what they read returns.
        ahead: Batches under way beside the one yielded last.
    """
    if not readings:
        yield from ({} for _ in batches)
        return
    pool = DaemonPool(threads, "penstock-py", "num_threads")
    try:
        under_way: deque[Columns] = deque()
        for indices in batches:
            under_way.append(
                {key: [pool.submit(reading.read, index) for index in indices] for key, reading in readings.items()}
            )
            if len(under_way) > ahead:
                yield under_way.popleft()
        yield from under_way
    finally:
        pool.close()
