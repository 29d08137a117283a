"""Datasets and loaders from MMDetection configurations."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from functools import partial
from typing import Any

from penstock.dataset import Dataset, open_dataset
from penstock.errors import ConfigError
from penstock.integrations.mmdet.config import parse_split
from penstock.integrations.mmdet.dataset import DeepLakeCocoDataset
from penstock.integrations.mmdet.pipeline import dataset_program
from penstock.integrations.mmdet.sampler import GroupedSampler, OrderedSampler
from penstock.integrations.mmdet.steps import loads_masks
from penstock.integrations.mmdet.tensors import DetectionTensors, resolve_tensors
from penstock.integrations.mmdet.voc import DeepLakeVOCDataset
from penstock.loader import DataLoader
from penstock.samples import Samples
from penstock.sampling import world

__all__ = ["DetectionLoader", "build_dataloader", "build_dataset"]


class DetectionLoader(DataLoader):
    """A :class:`penstock.DataLoader` whose ``dataset`` is MMDetection's: its hooks look there for metrics
    and classes.

    Args:
        dataset: The dataset.
        batch_size: Samples in a batch.
        shuffle: Shuffle within groups of like aspect ratio, see :class:`GroupedSampler`; else the dataset's
            order.
        seed: Of order and transforms; drawn from torch's generator where it is None.
        rank, world_size: Default: those of ``torch.distributed`` if it runs. All ranks get equally many batches.
        options: Further arguments of :class:`penstock.DataLoader`.

    Raises:
        ConfigError: Shuffling for validation.
    """

    def __init__(
        self,
        dataset: DeepLakeCocoDataset,
        batch_size: int = 1,
        *,
        shuffle: bool = False,
        seed: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        **options: Any,
    ) -> None:
        self._detection = dataset
        ranks = functools.partial(world, rank, world_size)
        sampler: GroupedSampler | OrderedSampler = OrderedSampler(dataset.indices, world=ranks)
        if shuffle:
            if dataset.test_mode:
                raise ConfigError("a dataset of validation (test_mode) is not shuffled", hint="Pass shuffle=False")
            sampler = GroupedSampler(
                dataset.indices, dataset.flag, batch_size=batch_size, seed=self._order_seed, world=ranks
            )
        super().__init__(
            dataset.source,
            batch_size,
            tensors={"img": dataset.tensors.img, **_masks(dataset.tensors)},
            transform=dataset_program(dataset),
            sampler=sampler,
            seed=seed,
            rank=rank,
            world_size=world_size,
            **options,
        )

    @property
    def detection(self) -> DeepLakeCocoDataset:
        """The dataset, which is also ``dataset``; here with its type."""
        return self._detection

    def _order_seed(self) -> int:
        return self._seed()

    def _torch_dataset(self, samples: Samples) -> DeepLakeCocoDataset:
        return self._detection


def _masks(tensors: DetectionTensors) -> dict[str, str]:
    return {} if tensors.gt_masks is None else {"gt_masks": tensors.gt_masks}


def build_dataset(
    cfg: Mapping[str, Any],
    default_args: Mapping[str, Any] | None = None,
    *,
    dataset: Dataset | str | os.PathLike[str] | Any = None,
    tensors: Mapping[str, str] | None = None,
) -> DeepLakeCocoDataset:
    """The dataset of ``data.train`` or ``data.val``.

    Args:
        cfg: Its keys; see :mod:`penstock.integrations.mmdet.config`.
        default_args: Keys to take where ``cfg`` has none; ``dict(test_mode=True)`` for validation.
        dataset: Stands in for ``deeplake_path`` and the keys that belong to it (commit, view, credentials).
        tensors: Stands in for ``deeplake_tensors``.

    Raises:
        ConfigError: Keys, pipeline or tensors that cannot work.
        PenstockError: What :func:`penstock.open` raises.
    """
    merged = {**(default_args or {}), **cfg} if isinstance(cfg, Mapping) else cfg
    split = parse_split("the dataset's configuration", merged)
    if dataset is not None:
        opened = open_dataset(dataset)
    elif split.path is not None:
        opened = open_dataset(split.path, commit=split.commit, view=split.view, creds=split.credentials)
    else:
        raise ConfigError("the dataset's configuration has no deeplake_path")
    kind: Any = DeepLakeCocoDataset
    if split.metrics_format == DeepLakeVOCDataset.METRICS_FORMAT:
        kind = partial(DeepLakeVOCDataset, min_size=split.min_size, eval_mode=split.eval_mode)
    built: DeepLakeCocoDataset = kind(
        opened,
        resolve_tensors(
            opened, tensors or split.tensors, masks=isinstance(split.pipeline, list) and loads_masks(split.pipeline)
        ),
        split.pipeline,
        classes=split.classes,
        test_mode=bool(merged.get("test_mode", False)),
        filter_empty_gt=split.filter_empty_gt,
    )
    return built


def build_dataloader(
    dataset: DeepLakeCocoDataset,
    samples_per_gpu: int,
    workers_per_gpu: int,
    num_gpus: int = 1,
    dist: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    runner_type: str = "EpochBasedRunner",
    persistent_workers: bool = False,
    *,
    loader_type: str = "auto",
    **options: Any,
) -> DetectionLoader:
    """A loader for a dataset, with the arguments of MMDetection's ``build_dataloader``.

    Args:
        dataset: From :func:`build_dataset`.
        samples_per_gpu: Samples in a batch.
        workers_per_gpu: Threads of the C++ loader, worker processes of the Python loader.
        num_gpus: 1: a process has one GPU.
        dist: This rank's part of the batches, by ``torch.distributed``.
        shuffle: In groups of like aspect ratio.
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
        persistent_workers=persistent_workers,
        loader_type=loader_type,
        **options,
    )
