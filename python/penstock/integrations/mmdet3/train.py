"""Training in one call, as Deep Lake's tutorial for MMDetection 2 has it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.config import Config

from penstock.dataset import DatasetLike
from penstock.errors import ConfigError
from penstock.integrations.mmdet3.building import deep_lake_datasets
from penstock.integrations.mmdet3.data.opening import Given
from penstock.integrations.mmdet3.runner import PenstockRunner
from penstock.integrations.mmdet3.training.preparing import check_version

__all__ = ["train_detector"]


def train_detector(
    cfg: Any,
    ds_train: DatasetLike | None = None,
    ds_train_tensors: Mapping[str, str] | None = None,
    ds_val: DatasetLike | None = None,
    ds_val_tensors: Mapping[str, str] | None = None,
    validate: bool = True,
) -> torch.nn.Module:
    """Trains and evaluates a detector as MMDetection's ``tools/train.py`` does.

    Args:
        cfg: A ``Config`` of mmengine, which is not changed, or its file; see
            :mod:`penstock.integrations.mmdet3.config` for its keys. Its ``work_dir`` says where checkpoints go.
        ds_train, ds_val: A dataset or view, of penstock or deeplake 3, or its path; stands in for ``deeplake_path``.
        ds_train_tensors, ds_val_tensors: Stand in for ``deeplake_tensors``.
        validate: Evaluate on ``val_dataloader``.

    Returns:
        The trained detector.

    Raises:
        TypeError: What is no ``Config``.
        ConfigError: A configuration that cannot work, before training starts.
        PenstockError: What opening and loading raise.
    """
    if isinstance(cfg, torch.nn.Module):
        raise TypeError("train_detector(cfg): with MMDetection 3 the configuration's model is built here")
    if not isinstance(cfg, Config):
        raise TypeError(f"cfg must be mmengine's Config, as Config.fromfile gives it, not {type(cfg).__name__}")
    check_version(cfg)
    cfg = copy.deepcopy(cfg)
    if not cfg.get("train_dataloader"):
        raise ConfigError("the configuration has no train_dataloader")
    if not cfg.get("work_dir"):
        raise ConfigError("the configuration has no work_dir", hint="work_dir='work_dirs/first'")
    if not validate:
        cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    given = {"train": (ds_train, ds_train_tensors), "val": (ds_val, ds_val_tensors)}
    found = {name: _leaf(cfg, name, dataset) for name, (dataset, _) in given.items()}
    for name, (_, tensors) in given.items():
        if tensors is not None and found[name] is not None:
            found[name]["deeplake_tensors"] = dict(tensors)
    # Those of a run are built when it starts; texts of its configuration have no use for them.
    runner = PenstockRunner.from_cfg(cfg)
    for name, (dataset, _) in given.items():
        if dataset is not None:
            loader = getattr(runner, f"_{name}_dataloader")
            next(deep_lake_datasets(loader))["deeplake_path"] = Given(dataset)
    model: torch.nn.Module = runner.train()
    return model


def _leaf(cfg: Any, name: str, dataset: DatasetLike | None) -> Any:
    """The configuration of the dataset that a passed one, or its tensors, belong to; None without."""
    leaves = list(deep_lake_datasets(cfg.get(f"{name}_dataloader")))
    if dataset is not None and len(leaves) != 1:
        raise ConfigError(
            f"{name}_dataloader has {len(leaves)} datasets of the type 'DeepLakeDetDataset', and one was passed",
            hint="Give each its deeplake_path in the configuration" if leaves else
            f"{name}_dataloader=dict(dataset=dict(type='DeepLakeDetDataset', ...))",
        )
    return leaves[0] if len(leaves) == 1 else None
