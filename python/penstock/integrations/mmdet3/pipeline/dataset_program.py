"""MMDetection 3's pipelines as the loader's programs."""

from __future__ import annotations

from typing import Any

from mmengine.dataset import pseudo_collate

from penstock.detection.items import LoadedItems
from penstock.detection.native_part import native_part, step_reports
from penstock.integrations.mmdet3.data.load_image import LoadImageFromDeepLake
from penstock.integrations.mmdet3.pipeline.collecting import collector_of
from penstock.integrations.mmdet3.pipeline.metas import Metas
from penstock.loading.program import Program

__all__ = ["collate_batch", "dataset_program"]


def dataset_program(dataset: LoadedItems) -> Program:
    """The program that gives the items of an MMDetection dataset. A batch is what mmengine's ``pseudo_collate`` gives:
    "inputs", a list of tensors (c, h, w), uint8 unless a transform has made them float32, and "data_samples", a list of
    ``DetDataSample``.
    """
    load = next(step for step in dataset.transforms if isinstance(step, LoadImageFromDeepLake))
    return Program(
        run=dataset.runner.run,
        collate=collate_batch,
        color={"img": load.color},
        needs_index=True,
        reads=("img",) if dataset.tensors.gt_masks is None else ("img", "gt_masks"),
        native=native_part(
            dataset,
            collector_of=lambda steps, gray: collector_of(steps, gray=gray),
            notes_of=lambda steps, gray: Metas(steps, gray=gray),
        ),
        steps=step_reports(dataset),
    )


def collate_batch(samples: list[Any]) -> Any:
    """One batch, as mmengine collates it."""
    return pseudo_collate(samples)
