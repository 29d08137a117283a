"""The items of an MMDetection 3 dataset as the loaders' transform."""

from __future__ import annotations

from mmengine.dataset import pseudo_collate

from penstock.described import described
from penstock.detection.items import LoadedItems
from penstock.integrations.mmdet3.data.load_image import LoadImageFromDeepLake
from penstock.loading.program import Program, StepReport

__all__ = ["dataset_program"]


def dataset_program(dataset: LoadedItems) -> Program:
    """The program that gives the items of a dataset, in batches as mmengine's ``pseudo_collate`` makes them."""
    load = next(step for step in dataset.transforms if isinstance(step, LoadImageFromDeepLake))
    return Program(
        run=dataset.runner.run,
        collate=pseudo_collate,
        color={"img": load.color},
        needs_index=True,
        reads=("img",),
        steps=tuple(StepReport(described(step), False, "it has no native version") for step in dataset.transforms),
    )
