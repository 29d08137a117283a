"""Batches as mmengine's ``pseudo_collate`` makes them, straight from the core's memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.structures import InstanceData

from penstock.detection import steps as st
from penstock.integrations.mmdet3.pipeline.batch_forms import PackDetInputs
from penstock.integrations.mmdet3.pipeline.lowering import WRAPPERS
from penstock.integrations.mmdet3.pipeline.metas import Metas
from penstock.integrations.openmmlab.views import batch_of_views
from penstock.loading.native.part import NativeBatch

__all__ = ["Collector", "collector_of"]


@dataclass(frozen=True)
class Collector:
    """Makes the batch of a pipeline that ran in the core to its end.

    Attributes:
        core_steps: The steps without the last, ``PackDetInputs``, which is done here.
        pack: That step.
        load: The step that loads annotations; None where none does.
        augmented: Whether the pipeline ends with test-time augmentation: a batch then holds a list of views.
        metas: Makes the notes on a sample.
    """

    layout: ClassVar[Literal["stack", "planes"]] = "planes"
    pad_value: ClassVar[float] = 0

    core_steps: tuple[Any, ...]
    pack: PackDetInputs
    load: st.LoadAnnotations | None
    augmented: bool
    metas: Metas

    def batch(self, native: NativeBatch, names: Callable[[int], Mapping[str, Any]]) -> dict[str, Any]:
        """``inputs``: a tensor (c, h, w) of each sample; ``data_samples``: a ``DetDataSample`` of each. ``names``: what
        the dataset notes of a sample, by its index. Of test-time augmentation, a list of such lists, one for each view.
        """
        return batch_of_views(native, self.augmented, lambda view: self._view(native, view, names))

    def _view(
        self, native: NativeBatch, view: int, names: Callable[[int], Mapping[str, Any]]
    ) -> dict[str, Any]:
        samples = []
        for position, rows in enumerate(native.metas):
            sample = DetDataSample()
            sample.gt_instances, sample.ignored_instances = self._instances(native, position)
            metas = self.metas(rows[view], names(int(rows[view]["index"])))
            sample.set_metainfo({key: metas[key] for key in self.pack.meta_keys if key in metas})
            samples.append(sample)
        return {"inputs": list(native.views[view]), "data_samples": samples}

    def _instances(self, native: NativeBatch, position: int) -> tuple[InstanceData, InstanceData]:
        """The objects of a sample that count, and those that are ignored."""
        counted, ignored = InstanceData(), InstanceData()
        if self.load is None:
            return counted, ignored
        if not self.load.with_bbox:
            # MMDetection knows which objects are ignored where it loads boxes.
            if self.load.with_label:
                counted.labels = native.labels[position].clone()
            return counted, ignored
        flags = native.ignore_flags[position].bool()
        for instances, rows in ((counted, (~flags).nonzero()[:, 0]), (ignored, flags.nonzero()[:, 0])):
            # Indexing copies, so that no sample keeps the memory of its batch.
            instances.bboxes = HorizontalBoxes(native.boxes[position][rows], clone=False)
            if self.load.with_label:
                instances.labels = native.labels[position][rows]
            if self.load.with_mask:
                instances.masks = self._masks(native, position, rows)
        return counted, ignored

    def _masks(self, native: NativeBatch, position: int, rows: torch.Tensor) -> Any:
        masks = WRAPPERS.mask_objects(native.masks[position])
        return masks if len(rows) == len(masks) else masks[rows.numpy()]


def collector_of(steps: Sequence[Any], *, gray: bool) -> Collector | None:
    """The collector of a pipeline whose steps all run in the core; None where its end, or what it notes, is another
    than MMDetection's usual one.
    """
    augmented = isinstance(steps[-1], st.TestTimeAug)
    ends = steps[-1].views if augmented else [steps]
    pack = ends[0][-1] if ends[0] else None
    if not isinstance(pack, PackDetInputs) or any(end[-1:] != (pack,) for end in map(tuple, ends)):
        return None
    metas = Metas(steps, gray=gray)
    if not set(pack.meta_keys) <= metas.keys:
        return None
    load = next((step for step in (*steps, *ends[0]) if isinstance(step, st.LoadAnnotations)), None)
    core = tuple((*end[:-1], st.Format()) for end in ends)
    core_steps = (*steps[:-1], st.TestTimeAug(core)) if augmented else core[0]
    return Collector(core_steps, pack, load, augmented, metas)
