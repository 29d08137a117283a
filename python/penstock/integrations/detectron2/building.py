"""Loaders by Detectron2's configuration, or by the arguments of its own functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from detectron2.config import CfgNode
from detectron2.data import DatasetMapper
from detectron2.data.samplers import (
    InferenceSampler,
    RandomSubsetTrainingSampler,
    RepeatFactorTrainingSampler,
    TrainingSampler,
)
from detectron2.utils import comm

from penstock.checks import check_choice, check_integer
from penstock.errors import ConfigError
from penstock.integrations.detectron2.images import Images
from penstock.integrations.detectron2.loaders import TestLoader, TrainLoader
from penstock.integrations.detectron2.repeats import category_factors, dataset_factors, drawn_subset

__all__ = ["build_test_loader", "build_train_loader"]

Mapper = Callable[[dict[str, Any]], Any]
#: Names of registered datasets, or dicts of such.
Datasets = str | Sequence[str] | Sequence[Mapping[str, Any]]
_SAMPLERS = (
    "TrainingSampler",
    "RepeatFactorTrainingSampler",
    "RandomSubsetTrainingSampler",
    "WeightedTrainingSampler",
    "WeightedCategoryTrainingSampler",
)


def build_train_loader(
    cfg: CfgNode | None = None,
    *,
    dataset: Datasets | None = None,
    mapper: Mapper | None = None,
    sampler: Any = None,
    total_batch_size: int | None = None,
    aspect_ratio_grouping: bool | None = None,
    num_workers: int | None = None,
    seed: int | None = None,
    **options: Any,
) -> TrainLoader:
    """Takes the place of Detectron2's ``build_detection_train_loader``; its batches come without end.

    Args:
        cfg: Detectron2's configuration, which says what is not given otherwise. Without it ``dataset``, ``mapper`` and
            ``total_batch_size`` are needed, as a LazyConfig gives them.
        dataset: Names of datasets that were registered by ``register_deeplake``, or dicts of theirs, as
            ``get_detection_dataset_dicts`` gives them: the images that are loaded. Of names, images without an object
            are left out, unless the configuration says otherwise.
        mapper: Detectron2's DatasetMapper: its augmentations run in the C++ core, those that are not native in Python.
            Or a callable that takes a dataset's dict, and reads the image by its name.
        sampler: One of Detectron2's TrainingSampler, RepeatFactorTrainingSampler and RandomSubsetTrainingSampler, for
            how often images come and which ones; the order is Penstock's own.
        total_batch_size: Of all ranks.
        aspect_ratio_grouping: Whether the images of a batch are all wider than high, or all not. Default: True.
        num_workers: Threads that decode, or processes for what runs in Python.
        seed: Of order and augmentations. Default: the configuration's, else drawn from torch's generator.
        options: Further arguments of :class:`TrainLoader` and :class:`penstock.DataLoader`.

    Raises:
        ConfigError: A dataset that is not registered, more classes than the detector has, a batch size that does not
            divide by the ranks, or settings that cannot work.
    """
    data = None if cfg is None else cfg.DATALOADER
    images = _images(dataset, (), True if data is None else data.FILTER_EMPTY_ANNOTATIONS, cfg)
    _check_classes(cfg, len(images.parts[0].class_names))
    total = _needed("total_batch_size", total_batch_size, None if cfg is None else cfg.SOLVER.IMS_PER_BATCH)
    chosen = _of_sampler(sampler, len(images)) if sampler is not None else _of_config(cfg, images)
    if aspect_ratio_grouping is None:
        aspect_ratio_grouping = True if data is None else data.ASPECT_RATIO_GROUPING
    if seed is None and cfg is not None and cfg.SEED >= 0:
        seed = cfg.SEED
    return TrainLoader(
        images,
        _needed("mapper", mapper, None if cfg is None else DatasetMapper(cfg, True)),
        _batch_size(total),
        aspect_ratio_grouping=bool(aspect_ratio_grouping),
        num_workers=_workers(cfg, num_workers),
        seed=seed,
        **chosen,
        **options,
    )


def build_test_loader(
    cfg: CfgNode | None = None,
    dataset_name: str | Sequence[str] | None = None,
    *,
    dataset: Datasets | None = None,
    mapper: Mapper | None = None,
    sampler: Any = None,
    batch_size: int = 1,
    num_workers: int | None = None,
    **options: Any,
) -> TestLoader:
    """Takes the place of Detectron2's ``build_detection_test_loader``: all images in the order of the dataset's dicts,
    of each rank a part.

    Args:
        cfg: Detectron2's configuration, which says what is not given otherwise.
        dataset_name: A registered dataset, or several; or ``dataset``, as of :func:`build_train_loader`.
        mapper: As there.
        sampler: None or Detectron2's InferenceSampler, which give the same.
        batch_size: Of a rank.
        num_workers: As there.
        options: Further arguments of :class:`TestLoader` and :class:`penstock.DataLoader`.

    Raises:
        ConfigError: A dataset that is not registered, or settings that cannot work.
    """
    if sampler is not None and type(sampler) is not InferenceSampler:
        raise ConfigError(f"a test loader goes through all images in order, and takes no {type(sampler).__name__}")
    check_integer("batch_size", batch_size, 1)
    return TestLoader(
        _images(dataset_name if dataset is None else dataset, (), False, None),
        _needed("mapper", mapper, None if cfg is None else DatasetMapper(cfg, False)),
        batch_size,
        num_workers=_workers(cfg, num_workers),
        **options,
    )


def _images(dataset: Datasets | None, none: Sequence[str], filter_empty: bool, cfg: CfgNode | None) -> Images:
    if dataset is None:
        dataset = none if cfg is None else cfg.DATASETS.TRAIN
    if isinstance(dataset, str):
        dataset = [dataset]
    names = [one for one in dataset if isinstance(one, str)]
    if len(names) == len(dataset):
        return Images.of_names(names, filter_empty=filter_empty)
    return Images.of_dicts([one for one in dataset if isinstance(one, Mapping)])


def _needed(name: str, given: Any, configured: Any) -> Any:
    value = configured if given is None else given
    if value is None:
        raise ConfigError(f"{name} is missing", hint=f"Pass {name}, or a configuration")
    return value


def _check_classes(cfg: CfgNode | None, classes: int) -> None:
    """Raises ConfigError where a detector has no room for the labels: it would fail in the middle of its losses."""
    kind = "" if cfg is None else cfg.MODEL.META_ARCHITECTURE
    name = {"GeneralizedRCNN": "ROI_HEADS", "RetinaNet": "RETINANET"}.get(kind)
    if cfg is not None and name is not None and classes > cfg.MODEL[name].NUM_CLASSES:
        raise ConfigError(
            f"the dataset has {classes} classes, and MODEL.{name}.NUM_CLASSES is {cfg.MODEL[name].NUM_CLASSES}",
            hint=f"Set it to {classes}, or register the dataset with fewer classes",
        )


def _batch_size(total: Any) -> int:
    """Images of one rank."""
    check_integer("total_batch_size", total, 1)
    ranks: int = comm.get_world_size()
    if total % ranks:
        raise ConfigError(f"the total batch size {total} does not divide by the {ranks} ranks")
    return int(total) // ranks


def _workers(cfg: CfgNode | None, given: int | None) -> int:
    workers = given if given is not None else 0 if cfg is None else cfg.DATALOADER.NUM_WORKERS
    check_integer("num_workers", workers, 0)
    return int(workers)


def _of_config(cfg: CfgNode | None, images: Images) -> dict[str, Any]:
    """How often images come, and which ones, by the name of the configuration's sampler."""
    if cfg is None:
        return {}
    data, name = cfg.DATALOADER, cfg.DATALOADER.SAMPLER_TRAIN
    check_choice("DATALOADER.SAMPLER_TRAIN", name, _SAMPLERS)
    if name == "RandomSubsetTrainingSampler":
        return {"subset": drawn_subset(len(images), data.RANDOM_SUBSET_RATIO, cfg.SEED)}
    if name == "TrainingSampler":
        return {}
    by_category = category_factors(images, data.REPEAT_THRESHOLD, square_root=data.REPEAT_SQRT)
    if name == "RepeatFactorTrainingSampler":
        return {"factors": by_category}
    factors = dataset_factors(images, cfg.DATASETS.TRAIN, cfg.DATASETS.TRAIN_REPEAT_FACTOR)
    if name == "WeightedTrainingSampler":
        return {"factors": factors}
    product = factors * by_category
    return {"factors": product / product.min()}


def _of_sampler(sampler: Any, images: int) -> dict[str, Any]:
    """The same of one of Detectron2's samplers."""
    kind = type(sampler)
    if kind is TrainingSampler:
        found: dict[str, Any] = {}
    elif kind is RepeatFactorTrainingSampler:
        found = {"factors": np.asarray(sampler._int_part + sampler._frac_part, np.float64)}
    elif kind is RandomSubsetTrainingSampler:
        found = {"subset": np.asarray(sampler._indexes_subset, np.int64)}
    else:
        known = ", ".join(_SAMPLERS[:3])
        raise ConfigError(f"a sampler of the class {kind.__name__} is not known", hint=f"Pass one of {known}, or none")
    if found and (len(found.get("factors", ())) not in (0, images) or found.get("subset", np.zeros(1)).max() >= images):
        raise ConfigError("the sampler was made for another number of images")
    return found
