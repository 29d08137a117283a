"""ImageToTensor, DefaultFormatBundle and Collect: from arrays to what MMDetection 2 makes its batches of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from mmcv.parallel import DataContainer

from penstock.detection.reference.results import Results, refuse
from penstock.detection.steps import BatchForm, Facts

__all__ = ["Collect", "DefaultFormatBundle", "ImageToTensor"]


@dataclass(frozen=True)
class ImageToTensor(BatchForm):
    """Images (h, w) or (h, w, c) as tensors (c, h, w)."""

    facts = Facts(partners=0, needs=(), gives_float=False, may_reject=False, told_by=(), notes=())
    collects = False

    keys: tuple[str, ...] = ("img",)

    def __call__(self, results: Results) -> Results:
        for key in self.keys:
            results[key] = _planar(results[key])
        return results


@dataclass(frozen=True)
class DefaultFormatBundle(BatchForm):
    """Tensors in containers, and the notes that no step has set."""

    facts = Facts(
        partners=0, needs=(), gives_float=False, may_reject=False, told_by=(),
        notes=("pad_shape", "scale_factor", "img_norm_cfg"),
    )
    collects = False

    img_to_float: bool = True
    img_pad_val: float = 0
    masks_pad_val: float = 0
    seg_pad_val: float = 255

    def __call__(self, results: Results) -> Results:
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
            if self.img_to_float and image.dtype == np.uint8:
                image = image.astype(np.float32)
            results["img"] = DataContainer(_planar(image), padding_value=self.img_pad_val, stack=True)
        for key in ("proposals", "gt_bboxes", "gt_bboxes_ignore", "gt_labels"):
            if key in results:
                results[key] = DataContainer(_tensor(results[key]))
        if "gt_masks" in results:
            results["gt_masks"] = DataContainer(results["gt_masks"], padding_value=self.masks_pad_val, cpu_only=True)
        if "gt_semantic_seg" in results:
            segmentation = _tensor(results["gt_semantic_seg"][None, ...])
            results["gt_semantic_seg"] = DataContainer(segmentation, padding_value=self.seg_pad_val, stack=True)
        return results


@dataclass(frozen=True)
class Collect(BatchForm):
    """The keys that go into the batch, and ``img_metas``."""

    facts = Facts(partners=0, needs=(), gives_float=False, may_reject=False, told_by=(), notes=())
    collects = True

    keys: tuple[str, ...]
    meta_keys: tuple[str, ...]

    def __call__(self, results: Results) -> Results:
        for key in (*self.meta_keys, *self.keys):
            if key not in results:
                refuse(self, f"there is no '{key}' in the results")
        metas = {key: results[key] for key in self.meta_keys}
        return {
            "img_metas": DataContainer(metas, cpu_only=True),
            **{key: results[key] for key in self.keys},
        }


def _planar(image: npt.NDArray[Any]) -> torch.Tensor:
    if image.ndim < 3:
        image = image[..., np.newaxis]
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _tensor(data: Any) -> torch.Tensor:
    if isinstance(data, torch.Tensor):
        return data
    if isinstance(data, np.ndarray):
        return torch.from_numpy(np.ascontiguousarray(data))
    return torch.tensor([data] if isinstance(data, (int, float)) else data)
