"""Loaders for MMDetection."""

from __future__ import annotations

import functools
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.detection.items import LoadedItems
from penstock.detection.sampler import GroupedSampler, OrderedSampler, grouped_sampler
from penstock.errors import ConfigError
from penstock.integrations.mmdet.data.dataset import DeepLakeCocoDataset
from penstock.integrations.mmdet.data.wrappers import KINDS, leaves_of
from penstock.integrations.mmdet.pipeline.dataset_program import dataset_program
from penstock.loader import DataLoader
from penstock.loading.iteration import Iteration
from penstock.loading.options import LoaderOptions, resolve_shuffle
from penstock.loading.samples import Samples
from penstock.loading.sampling import world
from penstock.loading.seed import LoaderSeed

__all__ = ["DetectionLoader", "build_dataloader"]


class DetectionLoader(DataLoader):
    """A :class:`penstock.DataLoader` whose ``dataset`` is MMDetection's: its hooks look there for metrics
    and classes.

    Args:
        dataset: The dataset, from :func:`penstock.integrations.mmdet.build_dataset`: a
            :class:`DeepLakeCocoDataset`, or MMDetection's wrapper around such.
        batch_size: Samples in a batch.
        shuffle: Shuffle within groups of like aspect ratio, see :class:`GroupedSampler`; else the dataset's
            order. ``"chunk"``, ``"full"`` and True mean what they mean to :class:`penstock.DataLoader`; see
            :class:`GroupedChunkSampler`.
        shuffle_window: Of ``"chunk"``: how many chunks may be open at once.
        seed: Of order and transforms; drawn from torch's generator where it is None.
        rank, world_size: Default: those of ``torch.distributed`` if it runs. All ranks get equally many batches.
        only: Without shuffling: go through the samples of these indices alone, int64 [samples], in this order.
        options: Further arguments of :class:`penstock.DataLoader`.

    Attributes:
        items: The dataset as the loader goes through it: flat, where it is wrapped.

    What a hook changes with ``dataset.update_skip_type_keys`` takes effect with the next iteration. That ends those
    still under way.

    Raises:
        ConfigError: Shuffling for validation.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        *,
        shuffle: bool | str = False,
        shuffle_window: int = LoaderOptions.shuffle_window,
        seed: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        only: npt.NDArray[np.int64] | None = None,
        **options: Any,
    ) -> None:
        self._detection = dataset
        self._skipped = KINDS.skipped_steps(dataset)
        self.items: LoadedItems = KINDS.flat(dataset)
        indices = self.items.indices if only is None else only
        ranks = functools.partial(world, rank, world_size)
        own_seed = LoaderSeed(seed, options.get("generator"), ranks)
        source = self.items.source
        names = self.items.tensors.read
        sampler: GroupedSampler | OrderedSampler = OrderedSampler(indices, world=ranks)
        mode = resolve_shuffle(shuffle, remote=source.is_remote)
        if mode != "none":
            if self.items.test_mode:
                raise ConfigError("a dataset of validation (test_mode) is not shuffled", hint="Pass shuffle=False")
            sampler = grouped_sampler(
                source,
                names.values(),
                mode,
                shuffle_window,
                indices,
                self.items.flag,
                batch_size=batch_size,
                seed=own_seed,
                world=ranks,
            )
        super().__init__(
            source,
            batch_size,
            tensors=names,
            transform=dataset_program(self.items),
            sampler=sampler,
            seed=own_seed,
            rank=rank,
            world_size=world_size,
            shuffle_window=shuffle_window,
            **options,
        )
        # Which images there are, and for batches of one group, the groups and their size.
        self._epochs.order_detail = f", images {zlib.crc32(indices.tobytes()):08x}"
        if isinstance(sampler, GroupedSampler):
            groups = zlib.crc32(self.items.flag.tobytes())
            self._epochs.order_detail += f", groups {groups:08x}, batches of {batch_size}"

    def __iter__(self) -> Iteration:  # type: ignore[override]
        """Starts an epoch; see :meth:`penstock.DataLoader.__iter__`."""
        skipped = KINDS.skipped_steps(self._detection)
        if skipped != self._skipped:
            self._skipped = skipped
            self.items = KINDS.flat(self._detection)
            self._replace_program(dataset_program(self.items))
        return super().__iter__()

    @property
    def detection(self) -> Any:
        """The dataset, which is also ``dataset``."""
        return self._detection

    @property
    def leaves(self) -> list[DeepLakeCocoDataset]:
        """The Deep Lake datasets that it wraps, or itself."""
        return leaves_of(self._detection)

    def _torch_dataset(self, samples: Samples) -> Any:
        return self._detection


def build_dataloader(
    dataset: Any,
    samples_per_gpu: int,
    workers_per_gpu: int,
    num_gpus: int = 1,
    dist: bool = False,
    shuffle: bool | str = True,
    seed: int | None = None,
    runner_type: str = "EpochBasedRunner",
    persistent_workers: bool = False,
    *,
    loader_type: str = "auto",
    **options: Any,
) -> DetectionLoader:
    """A loader for a dataset, with the arguments of MMDetection's ``build_dataloader``.

    Args:
        dataset: From :func:`penstock.integrations.mmdet.build_dataset`.
        samples_per_gpu: Samples in a batch.
        workers_per_gpu: Threads of the C++ loader, worker processes of the Python loader.
        num_gpus: 1: a process has one GPU.
        dist: This rank's part of the batches, by ``torch.distributed``.
        shuffle: In groups of like aspect ratio; ``"chunk"`` or ``"full"`` where True is not to choose.
        seed: Of order and transforms.
        runner_type: Both kinds of runner get the same epochs.
        persistent_workers: Of the Python loader. The C++ loader's threads live as long as the loader.
        loader_type: "auto", "c++", "cpp" or "python".
        options: Further arguments of :class:`penstock.DataLoader`.

    Raises:
        ConfigError: Several GPUs in one process.
    """
    if num_gpus != 1 and not dist:
        raise ConfigError(
            f"num_gpus: one process trains on one GPU, not on {num_gpus}",
            hint="Take a process for each, with dist=True (train_detector: distributed=True)",
        )
    if not dist:
        options = {"rank": 0, "world_size": 1, **options}
    return DetectionLoader(
        dataset,
        samples_per_gpu,
        shuffle=shuffle,
        seed=seed,
        num_workers=workers_per_gpu,
        # A configuration may say so without having workers.
        persistent_workers=persistent_workers and workers_per_gpu > 0,
        loader_type=loader_type,
        **options,
    )
