"""The loader of a split, as a whole configuration describes it."""

from __future__ import annotations

import copy
import functools
import logging
import os
from collections.abc import Mapping
from typing import Any

from mmcv import Config, ConfigDict
from mmdet.datasets import replace_ImageToTensor
from mmdet.utils.compat_config import compat_imgs_per_gpu

from penstock.dataset import DatasetLike
from penstock.errors import ConfigError
from penstock.integrations.mmdet.building import build_dataset, has_path
from penstock.integrations.mmdet.config import loader_type_of, parse_loader
from penstock.integrations.mmdet.detection_loader import DetectionLoader, build_dataloader
from penstock.integrations.mmdet.metric_names import format_of
from penstock.integrations.openmmlab.config_files import config_from

__all__ = ["build_split_loader", "read_config"]

logger = logging.getLogger("penstock")


def read_config(path: str | os.PathLike[str]) -> Any:
    """An ``mmcv.Config`` from its file.

    Raises:
        ConfigError: The file is not there, or is no configuration with data.
    """
    cfg = config_from(Config, path)
    if not isinstance(cfg.get("data"), Mapping):
        raise ConfigError(f"the configuration '{os.fspath(path)}' has no data")
    return compat_imgs_per_gpu(cfg)


def build_split_loader(
    cfg: Any,
    name: str,
    dataset: DatasetLike | None = None,
    tensors: Mapping[str, str] | None = None,
    **options: Any,
) -> DetectionLoader:
    """The loader of ``data.train``, ``data.val`` or ``data.test``.

    Args:
        cfg: An ``mmcv.Config``; a split that it does not have is added, empty.
        name: "train", "val" or "test".
        dataset: Stands in for ``deeplake_path``.
        tensors: Stand in for ``deeplake_tensors``.
        options: Arguments of :func:`build_dataloader` in place of what the configuration says, by its names.

    Raises:
        ConfigError: A configuration that cannot work.
        PenstockError: What opening raises.
    """
    where = f"data.{name}"
    keys = cfg.data.get(name)
    if keys is None:
        keys = cfg.data[name] = ConfigDict()
    if dataset is None and not has_path(keys, where):
        raise ConfigError(
            f"{where} has no deeplake_path",
            hint=f"Give one, or pass ds_{name}=" + ("" if name == "train" else ", or validate=False"),
        )
    if dataset is not None and has_path(keys, where):
        logger.info("%s: the dataset that was passed is used in place of deeplake_path", where)
    settings = parse_loader(cfg.data, name)
    options = {
        "samples_per_gpu": settings.batch_size,
        "workers_per_gpu": settings.num_workers,
        "shuffle": settings.shuffle,
        "seed": cfg.get("seed"),
        "loader_type": loader_type_of(cfg),
        **settings.options,
        **options,
    }
    built = build_dataset(
        keys,
        {"test_mode": name != "train", "deeplake_metrics_format": format_of(cfg)},
        dataset=dataset,
        tensors=tensors,
        pipeline=cfg.get("train_pipeline" if name == "train" else "test_pipeline"),
        where=where,
        prepare=functools.partial(_prepared, batched=name != "train" and options["samples_per_gpu"] > 1),
    )
    loader = build_dataloader(built, **options)
    logger.info("%s: %d images of %s", where, len(built), loader.items.source.path)
    return loader


def _prepared(steps: Any, batched: bool) -> Any:
    return replace_ImageToTensor(copy.deepcopy(steps)) if batched else steps
