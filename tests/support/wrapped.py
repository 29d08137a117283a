"""Trees of MMDetection's dataset wrappers, once around its own datasets and once around those of Deep Lake."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from typing import Any

import torch

from support.coco_lakes import CocoPair

__all__ = ["balanced", "concat", "dataset_of", "leaf", "loaded", "mixed", "own_tree", "repeat", "stock_tree", "yolox"]


def leaf(pair: CocoPair, pipeline: list[dict[str, Any]], classes: Sequence[str] | None = None) -> dict[str, Any]:
    """A dataset."""
    return {"pair": pair, "pipeline": pipeline, "classes": classes}


def repeat(dataset: Any, times: int) -> dict[str, Any]:
    return {"type": "RepeatDataset", "times": times, "dataset": dataset}


def balanced(dataset: Any, threshold: float = 0.8) -> dict[str, Any]:
    return {"type": "ClassBalancedDataset", "oversample_thr": threshold, "dataset": dataset}


def concat(*datasets: Any, **options: Any) -> dict[str, Any]:
    return {"type": "ConcatDataset", "datasets": list(datasets), **options}


def mixed(dataset: Any, pipeline: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    return {"type": "MultiImageMixDataset", "dataset": dataset, "pipeline": pipeline, **options}


def yolox(*more: Any) -> list[dict[str, Any]]:
    """YOLOX's pipeline around mixed samples, small, with ``more`` before its padding."""
    return [
        {"type": "Mosaic", "img_scale": (64, 64), "pad_val": 114.0},
        {"type": "RandomAffine", "scaling_ratio_range": (0.5, 1.5), "border": (-32, -32)},
        {"type": "MixUp", "img_scale": (64, 64), "ratio_range": (0.8, 1.6), "pad_val": 114},
        {"type": "RandomFlip", "flip_ratio": 0.5},
        {"type": "Resize", "img_scale": (64, 64), "keep_ratio": True},
        *more,
        {"type": "Pad", "pad_to_square": True, "pad_val": {"img": (114.0, 114.0, 114.0)}},
        {"type": "DefaultFormatBundle"},
        {"type": "Collect", "keys": ["img", "gt_bboxes", "gt_labels"]},
    ]


def stock_tree(tree: Any, **options: Any) -> Any:
    """MMDetection's datasets, built by MMDetection."""
    from mmdet.datasets import build_dataset

    with contextlib.redirect_stdout(io.StringIO()):
        return build_dataset(_with_leaves(tree, _stock_leaf), options)


def own_tree(tree: Any, **options: Any) -> Any:
    """MMDetection's wrappers around Deep Lake datasets."""
    from penstock.integrations.mmdet import build_dataset

    return build_dataset(dataset_of(tree), options)


def dataset_of(tree: Any) -> Any:
    """The configuration of :func:`own_tree`."""
    return _with_leaves(tree, _own_leaf)


def loaded(tree: Any, loader_type: str, epochs: int = 1, batch_size: int = 3, **options: Any) -> list[list[Any]]:
    """The batches of some epochs."""
    from penstock.integrations.mmdet import build_dataloader

    dataset = own_tree(tree) if isinstance(tree, (dict, list)) else tree
    arguments = {"workers_per_gpu": 0, "seed": 11, "loader_type": loader_type, **options}
    with build_dataloader(dataset, batch_size, **arguments) as loader:
        return [[_kept(batch) for batch in loader] for _ in range(epochs)]


def _kept(batch: Any) -> Any:
    """The batch, with images of its own: those of a loader that is closed are gone."""
    images = batch["img"]
    if not isinstance(images, torch.Tensor):
        return batch
    return {**batch, "img": images.clone()}


def _with_leaves(tree: Any, make: Any) -> Any:
    if isinstance(tree, list):
        return [_with_leaves(one, make) for one in tree]
    if "pair" in tree:
        return make(**tree)
    return {key: _with_leaves(value, make) if key in ("dataset", "datasets") else value for key, value in tree.items()}


def _stock_leaf(pair: CocoPair, pipeline: list[dict[str, Any]], classes: Sequence[str] | None) -> dict[str, Any]:
    names = [category["name"] for category in json.loads(pair.annotations.read_text())["categories"]]
    return {
        "type": "CocoDataset",
        "ann_file": str(pair.annotations),
        "img_prefix": str(pair.images),
        "classes": classes or names,
        "pipeline": pipeline,
    }


def _own_leaf(pair: CocoPair, pipeline: list[dict[str, Any]], classes: Sequence[str] | None) -> dict[str, Any]:
    return {"type": "CocoDataset", "deeplake_path": str(pair.lake), "classes": classes, "pipeline": pipeline}
