"""The loader of the workflow's phase "val"."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from mmcv import ConfigDict

from penstock.dataset import DatasetLike
from penstock.errors import ConfigError
from penstock.integrations.mmdet.building import has_path
from penstock.integrations.mmdet.detection_loader import DetectionLoader
from penstock.integrations.mmdet.split_loader import build_split_loader

__all__ = ["build_losses_loader"]



def build_losses_loader(
    cfg: Any, dataset: DatasetLike | None, tensors: Mapping[str, str] | None, *, dist: bool
) -> DetectionLoader:
    """The loader of the workflow's phase "val": the images of ``data.val`` as ``data.train`` prepares them.

    Args:
        cfg: The whole configuration.
        dataset: Stands in for ``deeplake_path``.
        tensors: Stand in for ``deeplake_tensors``.
        dist: This rank's part.

    Raises:
        ConfigError: There is no ``data.val``, or it cannot work.
        PenstockError: What opening raises.
    """
    keys = cfg.data.get("val")
    if dataset is None and not has_path(keys or {}):
        raise ConfigError("workflow: the phase 'val' needs data.val.deeplake_path", hint="Give one, or pass ds_val=")
    train, data = cfg.data.train, copy.deepcopy(cfg.data)
    first = train[0] if isinstance(train, list | tuple) else train
    inner = first if first.get("pipeline") or "dataset" not in first else first.dataset
    data.train = _with_pipeline(keys or {}, inner.get("pipeline") or cfg.get("train_pipeline"))
    if not isinstance(data.train, list):
        data.train.deeplake_dataloader = first.get("deeplake_dataloader")
    cfg = type(cfg)({**cfg._cfg_dict, "data": data})
    return build_split_loader(cfg, "train", dataset, tensors, dist=dist)


def _with_pipeline(keys: Any, pipeline: Any) -> Any:
    """A copy of ``data.val`` with the pipeline in each of its datasets."""
    if isinstance(keys, list | tuple):
        return [_with_pipeline(one, pipeline) for one in keys]
    if "datasets" in keys:
        return ConfigDict({**keys, "datasets": _with_pipeline(keys["datasets"], pipeline)})
    return ConfigDict({**keys, "pipeline": pipeline})
