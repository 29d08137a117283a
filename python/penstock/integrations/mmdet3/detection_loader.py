"""The loader of MMDetection 3's runner."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import torch

from penstock.detection.epoch_places import EpochOrder
from penstock.detection.items import LoadedItems
from penstock.integrations.mmdet3.data.dataset import DeepLakeDetDataset
from penstock.integrations.mmdet3.data.wrappers import KINDS, leaves_of
from penstock.integrations.mmdet3.pipeline.dataset_program import dataset_program
from penstock.integrations.openmmlab.orders import EndlessOrder
from penstock.integrations.openmmlab.user_samplers import Parts
from penstock.loader import DataLoader
from penstock.loading.iteration import Iteration
from penstock.loading.samples import Samples

__all__ = ["DetectionLoader", "draw_as_torch"]


def draw_as_torch() -> None:
    """Draws a number from torch's generator, as torch's own loader does for each iteration: what a model draws of it is
    then what it would be there.
    """
    torch.empty((), dtype=torch.int64).random_()


class DetectionLoader(DataLoader):
    """A :class:`penstock.DataLoader` whose ``dataset`` is MMDetection's: loops and hooks look there for its metainfo.

    A batch is what mmengine's ``pseudo_collate`` makes: "inputs", a list of uint8 tensors [channels, height, width],
    and "data_samples", a list of ``DetDataSample``.

    Args:
        items: The dataset as the loader goes through it, from :meth:`Kinds.flat`.
        dataset: The dataset: a :class:`DeepLakeDetDataset`, or MMDetection's wrapper around such.
        sampler: The order of an epoch; or ``batch_sampler`` among the options.
        options: Further arguments of :class:`penstock.DataLoader`.

    Attributes:
        items: As given; another one when a hook has changed the dataset.

    What a hook puts in place of ``dataset.pipeline``, or changes with ``dataset.update_skip_type_keys``, takes effect
    with the next iteration. That ends those still under way.

    Iterating over an :class:`EndlessOrder`, or a sampler of a user, goes on through several epochs, which random
    numbers follow from, where it has so many.
    """

    def __init__(self, items: LoadedItems, dataset: Any, batch_size: int = 1, **options: Any) -> None:
        self._detection = dataset
        self._made_for = _pipelines(dataset)
        self.items = items
        #: Of samplers of the user's own nobody knows the order.
        self._epoch_order: EpochOrder | None = getattr(options.get("sampler"), "epoch_order", None)
        super().__init__(
            items.source,
            batch_size,
            tensors=items.tensors.read,
            transform=dataset_program(items, self._epoch_order),
            **options,
        )
        # Which images there are, and in what groups.
        self._epochs.order_detail = f", images {zlib.crc32(items.indices.tobytes()):08x}"
        self._epochs.order_detail += getattr(self.sampler, "detail", "")

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Starts an epoch; see :meth:`penstock.DataLoader.__iter__` and :func:`draw_as_torch`."""
        self.follow_hooks()
        draw_as_torch()
        return _Chained(self) if self.endless or self._parts is not None else super().__iter__()

    def __len__(self) -> int:
        """Batches of this rank in an epoch; where it is endless, as torch's loader counts MMEngine's
        ``InfiniteSampler``: those of the whole dataset.
        """
        if not self.endless:
            return super().__len__()
        return -(-len(self.items) // (self.batch_size or 1))

    @property
    def endless(self) -> bool:
        """Whether an iteration never ends."""
        return isinstance(self.sampler, EndlessOrder)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the dataset's classes."""
        return tuple(self._detection.metainfo["classes"])

    @property
    def leaves(self) -> list[DeepLakeDetDataset]:
        """The Deep Lake datasets that it wraps, or itself."""
        return leaves_of(self._detection)

    def follow_hooks(self) -> None:
        """Takes over what hooks have changed of the dataset's pipeline."""
        pipelines = _pipelines(self._detection)
        if pipelines != self._made_for:
            self._made_for = pipelines
            self.items = KINDS.flat(self._detection)
            self._replace_program(dataset_program(self.items, self._epoch_order))

    def next_part(self) -> Iteration:
        """The next epoch of an iteration that goes on through several, without a draw."""
        return Iteration(self._begin, super().__len__)

    @property
    def goes_on(self) -> bool:
        """Whether an epoch that is over is followed by another one of the same iteration."""
        return self.endless or (self._parts is not None and self._parts.go_on())

    @property
    def _parts(self) -> Parts | None:
        samplers: list[Any] = [self.sampler, self.batch_sampler]
        return next((one for one in samplers if isinstance(one, Parts)), None)

    def _torch_dataset(self, samples: Samples) -> Any:
        return self._detection


class _Chained(Iterator[Any]):
    """One epoch after the other."""

    def __init__(self, loader: DetectionLoader) -> None:
        self._loader = loader
        self._epoch = loader.next_part()

    def __next__(self) -> Any:
        for batch in self._epoch:
            return batch
        if not self._loader.goes_on:
            raise StopIteration
        self._epoch = self._loader.next_part()
        return next(self._epoch)


def _pipelines(dataset: Any) -> tuple[Any, ...]:
    """What an epoch's samples go through, to be compared."""
    return (*KINDS.skipped_steps(dataset), *(leaf.pipeline for leaf in leaves_of(dataset)))
