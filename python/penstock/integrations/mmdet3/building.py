"""Loaders from the dataloaders of MMDetection 3's configurations."""

from __future__ import annotations

import copy
import inspect
import logging
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from mmdet.datasets import AspectRatioBatchSampler
from mmdet.registry import DATA_SAMPLERS, DATASETS
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.dist import get_world_size, sync_random_seed
from mmengine.registry import FUNCTIONS

from penstock.checks import check_integer
from penstock.detection.items import LoadedItems
from penstock.detection.sampler import GroupedChunkSampler
from penstock.errors import ConfigError, PenstockError
from penstock.integrations.mmdet3.data.dataset import DeepLakeDetDataset
from penstock.integrations.mmdet3.data.wrappers import KINDS, leaves_of
from penstock.integrations.mmdet3.detection_loader import DetectionLoader
from penstock.integrations.openmmlab.orders import DefaultOrder, EndlessOrder
from penstock.integrations.openmmlab.user_samplers import ItemBatches, ItemSampler
from penstock.loading.chunk_sampler import stored_chunks
from penstock.loading.options import LoaderOptions, resolve_shuffle
from penstock.loading.sampling import world
from penstock.loading.seed import LoaderSeed

__all__ = ["build_dataloader", "deep_lake_datasets"]

logger = logging.getLogger("penstock")

#: Arguments of torch's loader that a configuration may have beside those that are read here.
_PASSED_ON = (
    *("num_workers", "persistent_workers", "pin_memory", "drop_last", "prefetch_factor", "timeout"),
    *("multiprocessing_context", "pin_memory_device", "in_order"),
)
_READ = ("dataset", "sampler", "batch_sampler", "batch_size", "collate_fn", "worker_init_fn", "num_batch_per_epoch")


def deep_lake_datasets(cfg: Any) -> Iterator[Any]:
    """Deep Lake's datasets in a configuration of a dataset, a wrapper or a dataloader, from left to right."""
    if isinstance(cfg, (list, tuple)):
        for one in cfg:
            yield from deep_lake_datasets(one)
    elif isinstance(cfg, Mapping):
        kind = cfg.get("type")
        found = DATASETS.get(kind) if isinstance(kind, str) else kind
        if inspect.isclass(found) and issubclass(found, DeepLakeDetDataset):
            yield cfg
        else:
            for key in ("dataset", "datasets"):
                yield from deep_lake_datasets(cfg.get(key))


def build_dataloader(cfg: Mapping[str, Any], seed: int | None = None, diff_rank_seed: bool = False) -> DetectionLoader:
    """The loader of a ``train_dataloader``, ``val_dataloader`` or ``test_dataloader`` over Deep Lake's datasets.

    MMEngine's ``DefaultSampler`` and ``InfiniteSampler``, also under MMDetection's ``AspectRatioBatchSampler``, are
    known ahead: batches are those that they give. Of any other sampler batches are asked for as training goes on.

    Args:
        cfg: As MMEngine has it.
        seed: Of the order and of the transforms; None: drawn, the same for all ranks.
        diff_rank_seed: The order does not follow from ``seed``, which differs between ranks.

    Raises:
        ConfigError: What cannot work.
        PenstockError: What opening and reading annotations raise.
    """
    unknown = [key for key in cfg if key not in (*_PASSED_ON, *_READ)]
    if unknown:
        raise ConfigError(f"the dataloader has no argument '{unknown[0]}'")
    dataset = _built(DATASETS, cfg["dataset"], "dataset")
    if hasattr(dataset, "full_init"):
        dataset.full_init()
    own_seed = LoaderSeed(sync_random_seed() if seed is None else seed, None, partial(world, None, None))
    items = KINDS.flat(dataset)
    leaf = leaves_of(dataset)[0]
    options = {key: cfg[key] for key in _PASSED_ON if cfg.get(key) is not None}
    own = {key: value for key, value in leaf.loader_options.items() if key not in ("shuffle", "shuffle_window")}
    order_seed = sync_random_seed() if diff_rank_seed else own_seed()
    order = _order(cfg, dataset, items, leaf, order_seed, own_seed, bool(options.pop("drop_last", False)))
    collate, init = _collate_of(cfg.get("collate_fn")), _function(cfg.get("worker_init_fn"), "worker_init_fn")
    try:
        return DetectionLoader(
            items,
            dataset,
            loader_type=leaf.loader_type,
            seed=own_seed,
            collate_fn=collate,
            worker_init_fn=init,
            **order,
            **options,
            **own,
        )
    except PenstockError:
        raise
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the dataloader: {error}") from error


def _order(
    cfg: Mapping[str, Any],
    dataset: Any,
    items: LoadedItems,
    leaf: DeepLakeDetDataset,
    seed: int,
    own_seed: LoaderSeed,
    drop_last: bool,
) -> dict[str, Any]:
    """What orders samples, and cuts them into batches, as arguments of the loader."""
    batch_size = cfg.get("batch_size")
    batches_cfg = cfg.get("batch_sampler")
    if batch_size is None and isinstance(batches_cfg, Mapping):
        batch_size = batches_cfg.get("batch_size")
    check_integer("the dataloader's batch_size", batch_size, 1)
    assert batch_size is not None
    taken = _taken(cfg.get("num_batch_per_epoch"), batch_size, dataset)
    sampler = _built(DATA_SAMPLERS, cfg.get("sampler"), "sampler", dataset=taken, seed=seed)
    batches: Any = None
    if batches_cfg is not None:
        batches = _built(DATA_SAMPLERS, batches_cfg, "batch_sampler", sampler=sampler, batch_size=batch_size)
    grouped = type(batches) is AspectRatioBatchSampler
    if type(sampler) not in (DefaultSampler, InfiniteSampler) or not (batches is None or grouped):
        return _own_order(items, sampler, batches, batch_size, drop_last)
    indices, groups = items.indices[: len(taken)], items.flag[: len(taken)] if grouped else None
    # Where the loader goes on from a checkpoint, it takes that one's seed, and with it the order.
    follows = own_seed if sampler.seed == own_seed() else partial(int, sampler.seed)
    arguments: dict[str, Any] = {"batch_size": batch_size, "seed": follows, "world": partial(world, None, None)}
    drop_last = batches.drop_last if grouped else drop_last
    chunks = _chunks(leaf, items) if sampler.shuffle and type(sampler) is DefaultSampler else None
    order: Any
    if chunks is not None:
        window = leaf.loader_options.get("shuffle_window", LoaderOptions.shuffle_window)
        flags = np.zeros(len(indices), np.uint8) if groups is None else groups
        order = GroupedChunkSampler(chunks, window, indices, flags, **arguments)
    elif type(sampler) is InfiniteSampler:
        order = EndlessOrder(indices, shuffle=sampler.shuffle, groups=groups, **arguments)
    else:
        order = DefaultOrder(
            indices, shuffle=sampler.shuffle, round_up=sampler.round_up, groups=groups, **arguments
        )
    return {"sampler": order, "batch_size": batch_size, "drop_last": drop_last}


def _own_order(items: LoadedItems, sampler: Any, batches: Any, batch_size: int, drop_last: bool) -> dict[str, Any]:
    if batches is not None:
        return {"batch_sampler": ItemBatches(batches, items.indices)}
    return {"sampler": ItemSampler(sampler, items.indices), "batch_size": batch_size, "drop_last": drop_last}


class _FirstItems:
    """The first items of a dataset, for a sampler: what ``num_batch_per_epoch`` leaves of it."""

    def __init__(self, dataset: Any, length: int) -> None:
        self._dataset = dataset
        self._length = length

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dataset, name)

    def __len__(self) -> int:
        return self._length


def _taken(batches: Any, batch_size: int, dataset: Any) -> Any:
    if batches is None:
        return dataset
    check_integer("the dataloader's num_batch_per_epoch", batches, 1)
    return _FirstItems(dataset, min(len(dataset), batches * batch_size * get_world_size()))


def _chunks(leaf: DeepLakeDetDataset, items: LoadedItems) -> Any:
    """Where samples lie, where they are to be shuffled chunk by chunk; else None."""
    mode = resolve_shuffle(leaf.loader_options.get("shuffle", "full"), remote=items.source.is_remote)
    if mode != "chunk":
        return None
    tensors = [items.source[name] for name in items.tensors.read.values()]
    return stored_chunks(items.source, tensors, len(items.source))


def _built(registry: Any, cfg: Any, what: str, **defaults: Any) -> Any:
    if not isinstance(cfg, Mapping):
        raise ConfigError(f"the dataloader's {what}: a dict with a 'type' is needed, got {cfg!r}")
    try:
        return registry.build(copy.deepcopy(dict(cfg)), default_args=defaults or None)
    except PenstockError:
        raise
    except Exception as error:
        # Registries and constructors check their arguments with assertions, among others.
        raise ConfigError(f"the dataloader's {what} cannot be built: {type(error).__name__}: {error}") from error


def _collate_of(cfg: Any) -> Any:
    """A collate of the user's own; None for mmengine's default one, which the loader has itself."""
    if cfg is None or (isinstance(cfg, Mapping) and cfg.get("type") == "pseudo_collate"):
        return None
    return _function(cfg, "collate_fn")


def _function(cfg: Any, what: str) -> Any:
    if cfg is None or (callable(cfg) and not isinstance(cfg, Mapping)):
        return cfg
    if not isinstance(cfg, Mapping) or "type" not in cfg:
        raise ConfigError(f"the dataloader's {what}: a function or a dict with a 'type' is needed, got {cfg!r}")
    arguments = dict(cfg)
    name = arguments.pop("type")
    function = FUNCTIONS.get(name) if isinstance(name, str) else name
    if not callable(function):
        raise ConfigError(f"the dataloader's {what}: there is no function '{name}'")
    return partial(function, **arguments)
