"""Batches as mmcv's ``collate`` makes them, straight from the core's memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from mmcv.parallel import DataContainer

from penstock.detection import steps as st
from penstock.errors import ConfigError
from penstock.integrations.mmdet.pipeline.batch_forms import Collect, DefaultFormatBundle, ImageToTensor
from penstock.integrations.mmdet.pipeline.lowering import WRAPPERS
from penstock.integrations.mmdet.pipeline.metas import Metas
from penstock.integrations.openmmlab.views import batch_of_views
from penstock.loading.native.part import NativeBatch

__all__ = ["Collector", "collector_of"]

_ANNOTATIONS = {"gt_bboxes": "boxes", "gt_labels": "labels", "gt_bboxes_ignore": "ignored"}


@dataclass(frozen=True)
class Collector:
    """Makes the batch of a pipeline that ran in the core to its end.

    Attributes:
        core_steps: The steps without the last, ``Collect``, which is done here, and with the core's form before it.
        collect: That step.
        bundle: The step that formats, if it is DefaultFormatBundle; None for ImageToTensor.
        augmented: Whether the pipeline ends with test-time augmentation: a batch then holds a list of views.
        metas: Makes the notes on a sample.
    """

    core_steps: tuple[Any, ...]
    collect: Collect
    bundle: DefaultFormatBundle | None
    augmented: bool
    metas: Metas

    @property
    def layout(self) -> Literal["stack", "planes"]:
        return "planes" if self.bundle is None else "stack"

    @property
    def pad_value(self) -> float:
        return 0 if self.bundle is None else self.bundle.img_pad_val

    def batch(self, native: NativeBatch, names: Callable[[int], Mapping[str, Any]]) -> dict[str, Any]:
        """The batch. ``names``: what the dataset notes of a sample, by its index."""
        return batch_of_views(native, self.augmented, lambda view: self._view(native, view, names))

    def _view(
        self, native: NativeBatch, view: int, names: Callable[[int], Mapping[str, Any]]
    ) -> dict[str, Any]:
        data: dict[str, Any] = {}
        values = [self.metas(rows[view], names(int(rows[view]["index"]))) for rows in native.metas]
        metas = [{key: value[key] for key in self.collect.meta_keys} for value in values]
        data["img_metas"] = DataContainer([metas], cpu_only=True)
        for key in self.collect.keys:
            if key == "img":
                data[key] = self._images(native.views[view])
            elif key == "gt_masks":
                assert self.bundle is not None
                masks = [WRAPPERS.mask_objects(one) for one in native.masks]
                data[key] = DataContainer([masks], padding_value=self.bundle.masks_pad_val, cpu_only=True)
            else:
                data[key] = DataContainer([list(getattr(native, _ANNOTATIONS[key]))])
        return data

    def _images(self, images: torch.Tensor | list[torch.Tensor]) -> Any:
        if isinstance(images, list):
            raise ConfigError(
                "images of one batch differ in size and are not padded to one",
                hint="Use DefaultFormatBundle in place of ImageToTensor, or a batch of one image",
            )
        if self.bundle is None:
            return images
        return DataContainer([images], stack=True, padding_value=self.bundle.img_pad_val)


def collector_of(steps: Sequence[Any], *, gray: bool) -> Collector | None:
    """The collector of a pipeline whose steps all run in the core; None where its end, or what it collects, is another
    than MMDetection's usual one.
    """
    last = steps[-1]
    augmented = isinstance(last, st.MultiScaleFlipAug)
    tail = last.transforms if augmented else steps
    if len(tail) < 2 or not isinstance(tail[-1], Collect):
        return None
    collect, form = tail[-1], tail[-2]
    if not isinstance(form, DefaultFormatBundle | ImageToTensor):
        return None
    metas = Metas(steps, gray=gray)
    if not set(collect.meta_keys) <= metas.keys or not set(collect.keys) <= _available(steps, form):
        return None
    bundle = form if isinstance(form, DefaultFormatBundle) else None
    core = (*tail[:-2], st.Format(to_float=bundle is not None and bundle.img_to_float))
    if augmented:
        core = (*steps[:-1], replace(last, transforms=core))
    return Collector(core, collect, bundle, augmented, metas)


def _available(steps: Sequence[Any], form: DefaultFormatBundle | ImageToTensor) -> set[str]:
    """The keys that the core has tensors for."""
    if isinstance(form, ImageToTensor):
        return {"img"} if form.keys == ("img",) else set()
    load = next((step for step in steps if isinstance(step, st.LoadAnnotations)), None)
    keys = {"img"}
    if load is not None and load.with_bbox:
        keys |= {"gt_bboxes", "gt_bboxes_ignore"}
    if load is not None and load.with_label:
        keys.add("gt_labels")
    if load is not None and load.with_mask:
        keys.add("gt_masks")
    return keys
