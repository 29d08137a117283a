"""MMDetection 3's pipelines as the loader's programs."""

from __future__ import annotations

from typing import Any

from mmengine.dataset import pseudo_collate

from penstock.detection.epoch_places import EpochOrder
from penstock.detection.items import LoadedItems
from penstock.detection.native_part import items_program
from penstock.integrations.mmdet3.data.load_image import LoadImageFromDeepLake
from penstock.integrations.mmdet3.pipeline.collecting import collector_of
from penstock.integrations.mmdet3.pipeline.metas import Metas
from penstock.loading.program import Program

__all__ = ["collate_batch", "dataset_program"]


def dataset_program(dataset: LoadedItems, order: EpochOrder | None = None) -> Program:
    """The program that gives the items of an MMDetection dataset. A batch is what mmengine's ``pseudo_collate`` gives:
    "inputs", a list of tensors (c, h, w), uint8 unless a transform has made them float32, and "data_samples", a list of
    ``DetDataSample``.

    Args:
        dataset: The dataset.
        order: As of :func:`items_program`.
    """
    load = next(step for step in dataset.transforms if isinstance(step, LoadImageFromDeepLake))
    return items_program(
        dataset,
        color=load.color,
        collate=collate_batch,
        collector_of=lambda steps, gray: collector_of(steps, gray=gray),
        notes_of=lambda steps, gray: Metas(steps, gray=gray),
        order=order,
    )


def collate_batch(samples: list[Any]) -> Any:
    """One batch, as mmengine collates it."""
    return pseudo_collate(samples)
