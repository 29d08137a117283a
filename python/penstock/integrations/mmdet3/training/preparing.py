"""A run's configuration as the runner takes it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from penstock.checks import check_choice, check_keys
from penstock.errors import ConfigError
from penstock.integrations.mmdet3.building import deep_lake_datasets
from penstock.integrations.mmdet3.config import METRICS_FORMATS, TOP_KEYS, loader_type_of
from penstock.integrations.mmdet3.evaluation import completed_evaluator

__all__ = ["check_version", "prepared", "without_secrets"]

_SPLITS = ("train", "val", "test")
_OF_A_DATASET = ("path", "tensors", "dataloader", "credentials", "commit_id", "view_id")
#: Of a configuration of MMDetection 2.
_OF_VERSION_2 = ("data", "runner", "optimizer", "lr_config", "evaluation", "checkpoint_config", "total_epochs")
_EXAMPLES = "examples/configs/mmdet3"


def prepared(cfg: Any) -> Any:
    """A copy in which evaluators do without annotation files, and the keys of the top level stand at each dataset.

    Raises:
        ConfigError: A configuration of MMDetection 2, a key in the wrong place, a metric of the other format.
    """
    check_version(cfg)
    _check_top(cfg)
    changed = copy.deepcopy(cfg)
    for split in _SPLITS:
        datasets = list(deep_lake_datasets(changed.get(f"{split}_dataloader")))
        if not datasets:
            continue
        for dataset in datasets:
            for key in TOP_KEYS:
                if cfg.get(key) is not None and dataset.get(key) is None:
                    dataset[key] = cfg[key]
        key = f"{split}_evaluator"
        if split != "train" and changed.get(f"{split}_cfg") is not None:
            metrics_format = datasets[0].get("deeplake_metrics_format") or "COCO"
            check_choice("deeplake_metrics_format", metrics_format, METRICS_FORMATS)
            changed[key] = completed_evaluator(changed.get(key), metrics_format, key)
    return changed


def check_version(cfg: Mapping[str, Any]) -> None:
    """Raises ConfigError for a configuration of MMDetection 2; it names the file that is one of version 3."""
    found = [key for key in _OF_VERSION_2 if cfg.get(key) is not None]
    if "data" in found and len(found) > 1 and cfg.get("train_dataloader") is None:
        raise ConfigError(
            f"this is a configuration of MMDetection 2: it has {' and '.join(map(repr, found[:2]))}",
            hint=f"{_EXAMPLES}/{_example_for(cfg.get('model') or {})} is one of version 3, "
            "or use penstock.integrations.mmdet with MMDetection 2",
        )


def without_secrets(cfg: Any) -> Any:
    """A copy in which ``deeplake_credentials`` are None, for files and logs."""
    changed = copy.deepcopy(cfg)
    for split in _SPLITS:
        for dataset in deep_lake_datasets(changed.get(f"{split}_dataloader")):
            if dataset.get("deeplake_credentials") is not None:
                dataset["deeplake_credentials"] = None
    return changed


def _check_top(cfg: Mapping[str, Any]) -> None:
    ours = {key: value for key, value in cfg.items() if str(key).startswith("deeplake_")}
    for key in ours:
        if key in [f"deeplake_{name}" for name in _OF_A_DATASET]:
            raise ConfigError(
                f"the configuration: '{key}' stands at its top level",
                hint=f"It belongs into the dataset: train_dataloader=dict(dataset=dict({key}=...))",
            )
    check_keys("the configuration", ours, TOP_KEYS)
    loader_type_of(cfg.get("deeplake_dataloader_type"))
    if cfg.get("deeplake_metrics_format") is not None:
        check_choice("deeplake_metrics_format", cfg["deeplake_metrics_format"], METRICS_FORMATS)


def _example_for(model: Mapping[str, Any]) -> str:
    kind = str(model.get("type"))
    if "Mask" in kind:
        return "mask_rcnn.py"
    if "RCNN" in kind:
        return "faster_rcnn.py"
    if "YOLO" in kind:
        return "yolox_tiny.py"
    return "dino.py" if "DETR" in kind or kind == "DINO" else "rtmdet_tiny.py"
