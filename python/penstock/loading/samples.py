"""The loader's samples by index: read, decode, transform, one at a time.

What the Python loader's workers run, and what ``loader.dataset[i]`` gives with either loader type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch.utils.data

from penstock.dataset import Dataset, Tensor
from penstock.described import described_error
from penstock.errors import PenstockError, TransformError
from penstock.format.sample import Decode
from penstock.loading.collate import collate_columns, collate_samples, collate_transformed
from penstock.loading.draws import Stream
from penstock.loading.image_output import ImageOutput
from penstock.loading.plain_epochs import PlainEpochs
from penstock.loading.plan import checked_index
from penstock.loading.program import Program
from penstock.loading.readings import Reading
from penstock.loading.seed import LoaderSeed
from penstock.loading.seeded_globals import seeded_globals
from penstock.traces.recorder import span

__all__ = ["BatchSource", "Samples"]


class BatchSource(Protocol):
    """Loads the batches that somebody else's loader asks for."""

    def load(self, samples: Samples, items: Sequence[int | tuple[int, int]]) -> Sequence[Any]:
        """Those of a batch, each an index or (epoch, index)."""
        ...


class Samples(torch.utils.data.Dataset[Any]):
    """Map-style dataset of transformed samples.

    Args:
        source: The Deep Lake dataset.
        tensors: The tensors of a sample by its keys.
        program: The transform.
        decode: What becomes of the samples of a key; "numpy" where it does not say.
        seed: Gives the loader's seed.
        return_index: Samples carry ``"index"``.
        images: How images come out; None: as stored.

    Attributes:
        readings: How the samples of each key are read that has to be.
        epoch: The epoch whose random numbers ``samples[i]`` uses.
        batches: Loads batches for :meth:`__getitems__`; None: sample by sample.
        settings: The arguments of the loader that it was made for, which another loader of it takes over.
    """

    batches: BatchSource | None = None

    def __init__(
        self,
        source: Dataset,
        tensors: dict[str, Tensor],
        program: Program,
        *,
        decode: Mapping[str, Decode] | None = None,
        seed: LoaderSeed,
        return_index: bool,
        images: ImageOutput | None = None,
    ) -> None:
        self.source = source
        self.tensors = tensors
        self.program = program
        self.readings = {
            key: Reading(
                tensor,
                program.color.get(key, "native"),
                (decode or {}).get(key, "numpy"),
                images if tensor.is_image and (decode or {}).get(key, "numpy") == "numpy" else None,
            )
            for key, tensor in tensors.items()
            if program.reads is None or key in program.reads
        }
        # What is no array may be an array where it is empty: whether a batch is a list must not depend on that.
        self._decode = decode
        self._images = images
        self._lists = frozenset(key for key, reading in self.readings.items() if reading.decode != "numpy")
        self._list_keys = frozenset(
            key
            for key, reading in self.readings.items()
            if reading.decode != "numpy" or reading.tensor.is_sequence or reading.tensor.value_format is not None
        )
        self.return_index = return_index
        self.epoch = 0
        self.settings: dict[str, Any] = {}
        self._seed = seed
        self._plain = PlainEpochs()

    @property
    def seed_source(self) -> LoaderSeed:
        """What gives the loader's seed."""
        return self._seed

    def with_program(self, program: Program, seed: LoaderSeed | None = None) -> Samples:
        """The same samples, transformed otherwise, or with another seed."""
        made = Samples(
            self.source,
            self.tensors,
            program,
            decode=self._decode,
            seed=seed or self._seed,
            return_index=self.return_index,
            images=self._images,
        )
        made.settings = self.settings
        return made

    def copy(self) -> Samples:
        """The same samples, without what loads their batches."""
        return self.with_program(self.program)

    def of_dataset(self, source: Dataset) -> Samples:
        """The samples of another dataset with the same tensors, in all else the same."""
        tensors = {key: source[tensor.name] for key, tensor in self.tensors.items()}
        made = Samples(
            source,
            tensors,
            self.program,
            decode=self._decode,
            seed=self._seed,
            return_index=self.return_index,
            images=self._images,
        )
        made.settings = self.settings
        return made

    def __len__(self) -> int:
        return min(len(tensor) for tensor in self.tensors.values())

    def set_epoch(self, epoch: int) -> None:
        """Selects the epoch whose random numbers samples use that are asked for by index alone."""
        self.epoch = epoch
        self._plain.forget()

    def epoch_of_plain(self, indices: Sequence[int]) -> int:
        """The epoch of a batch of indices, from 0 on, that know none."""
        return self._plain.of(indices, len(self), self.epoch)

    def __getitems__(self, items: Sequence[int | tuple[int, int]]) -> Sequence[Any]:
        """The samples of a batch, as torch's own loader asks for them: what :meth:`__getitem__` gives, one by one.

        With the C++ loader the core loads them. What it makes of a whole batch, :attr:`DataLoader.collate_fn` takes
        as it is; anybody else finds the single samples in it.
        """
        if self.batches is not None:
            return self.batches.load(self, items)
        plain = [item for item in items if not isinstance(item, tuple) and not hasattr(item, "epoch")]
        if not items or len(plain) < len(items):
            return [self[item] for item in items]
        indices = [checked_index(index, len(self)) for index in plain]
        epoch = self.epoch_of_plain(indices)
        return [self[epoch, index] for index in indices]

    def __getitem__(self, item: int | tuple[int, int]) -> Any:
        """The sample of an index, or of (epoch, index), as it goes to collate."""
        epoch, index = item if isinstance(item, tuple) else (getattr(item, "epoch", self.epoch), item)
        index = checked_index(index, len(self))
        return self.transformed(self.read(index), epoch, index)

    def read(self, index: int) -> dict[str, Any]:
        """The untransformed sample: decoded arrays and values by key, read without the native core."""
        return {key: reading.read(index) for key, reading in self.readings.items()}

    def collate(self, samples: list[Any]) -> Any:
        """The default collate of samples from here."""
        if self.program.call is not None:
            return collate_transformed(samples, self._list_keys)
        return self._with_dtypes(collate_samples(samples, self._lists if self.program.run is None else frozenset()))

    def collate_columns(self, columns: dict[str, list[Any]]) -> dict[str, Any]:
        """The same for untransformed samples that are given key by key."""
        return self._with_dtypes(collate_columns(columns, self._lists))

    def _with_dtypes(self, batch: dict[str, Any]) -> dict[str, Any]:
        """A batch of arrays with the dtypes that images come out with."""
        images = {key: reading.images for key, reading in self.readings.items() if reading.images is not None}
        return batch | {key: output.of_arrays(batch[key]) for key, output in images.items() if key in batch}

    @property
    def read_tensors(self) -> list[Tensor]:
        """The tensors that have to be read."""
        return [reading.tensor for reading in self.readings.values()]

    @property
    def core_dtypes(self) -> dict[str, np.dtype[Any]]:
        """The keys whose samples the native core reads, in its order, and what its arrays hold."""
        return {key: reading.batch_dtype for key, reading in self.readings.items() if reading.route != "python"}

    def transformed(self, sample: dict[str, Any], epoch: int, index: int) -> Any:
        """Runs the transform on a decoded sample, with its own random numbers.

        Raises:
            TransformError: The transform raised; its exception is the cause.
        """
        if self.return_index or self.program.needs_index:
            sample["index"] = index
        call, run = self.program.call, self.program.run
        if run is not None:
            return self.seeded(epoch, index, lambda stream: run(sample, stream))
        if call is not None:
            return self.seeded(epoch, index, lambda _: call(sample))
        return sample

    def seeded(self, epoch: int, index: int, work: Callable[[Stream], Any]) -> Any:
        """Runs a part of the transform on a sample, with the sample's own random numbers.

        Raises:
            TransformError: The transform raised; its exception is the cause.
        """
        try:
            with span("transform", epoch=epoch, sample=index), seeded_globals(self._seed(), epoch, index):
                return work(Stream(self._seed(), epoch, index))
        except PenstockError as error:
            error.index = index if error.index is None else error.index
            raise
        except Exception as error:
            raise TransformError(
                f"the transform raised {described_error(error)}", index=index, path=self.source.path
            ) from error

    @property
    def seed(self) -> int:
        """The loader's seed."""
        return self._seed()
