"""ImageToTensor, DefaultFormatBundle and Collect: from arrays to what a batch is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from penstock.detection.reference.results import Array, Results, Wrappers, refuse
from penstock.detection.steps import Collect, DefaultFormatBundle, ImageToTensor
from penstock.loading.draws import Draws

__all__ = ["collect", "default_format_bundle", "image_to_tensor"]


def image_to_tensor(step: ImageToTensor, results: Results, draws: Draws) -> Results:
    """Images (h, w) or (h, w, c) as tensors (c, h, w)."""
    for key in step.keys:
        results[key] = _planar(results[key])
    return results


def default_format_bundle(step: DefaultFormatBundle, results: Results, wrappers: Wrappers) -> Results:
    """Tensors in containers, and the metas that no step has set."""
    if "img" in results:
        image = results["img"]
        results.setdefault("pad_shape", image.shape)
        results.setdefault("scale_factor", 1.0)
        channels = 1 if image.ndim < 3 else image.shape[2]
        neutral = {
            "mean": np.zeros(channels, dtype=np.float32),
            "std": np.ones(channels, dtype=np.float32),
            "to_rgb": False,
        }
        results.setdefault("img_norm_cfg", neutral)
        if step.img_to_float and image.dtype == np.uint8:
            image = image.astype(np.float32)
        results["img"] = wrappers.container(_planar(image), padding_value=step.img_pad_val, stack=True)
    for key in ("proposals", "gt_bboxes", "gt_bboxes_ignore", "gt_labels"):
        if key in results:
            results[key] = wrappers.container(_tensor(results[key]))
    if "gt_masks" in results:
        results["gt_masks"] = wrappers.container(results["gt_masks"], padding_value=step.masks_pad_val, cpu_only=True)
    if "gt_semantic_seg" in results:
        segmentation = _tensor(results["gt_semantic_seg"][None, ...])
        results["gt_semantic_seg"] = wrappers.container(segmentation, padding_value=step.seg_pad_val, stack=True)
    return results


def collect(step: Collect, results: Results, wrappers: Wrappers) -> Results:
    """The keys that go into the batch, and ``img_metas``."""
    for key in (*step.meta_keys, *step.keys):
        if key not in results:
            refuse(step, f"there is no '{key}' in the results")
    metas = {key: results[key] for key in step.meta_keys}
    return {
        "img_metas": wrappers.container(metas, cpu_only=True),
        **{key: results[key] for key in step.keys},
    }


def _planar(image: Array) -> torch.Tensor:
    if image.ndim < 3:
        image = image[..., np.newaxis]
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _tensor(data: Any) -> torch.Tensor:
    if isinstance(data, torch.Tensor):
        return data
    if isinstance(data, np.ndarray):
        return torch.from_numpy(np.ascontiguousarray(data))
    return torch.tensor([data] if isinstance(data, (int, float)) else data)
