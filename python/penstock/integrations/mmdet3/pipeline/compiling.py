"""MMDetection 3's pipelines as a transform of :class:`penstock.DataLoader`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.registry import DefaultScope

from penstock.dataset import Dataset
from penstock.detection.categories import numbers_for_names
from penstock.detection.tensors import known_tensors
from penstock.integrations.mmdet3.data.dataset import DeepLakeDetDataset
from penstock.integrations.mmdet3.data.opening import Given
from penstock.integrations.mmdet3.pipeline.dataset_program import dataset_program
from penstock.integrations.mmdet3.pipeline.transforms import loads_annotations
from penstock.loading.program import Program

__all__ = ["compile_pipeline"]


def compile_pipeline(steps: Sequence[Mapping[str, Any]], *, dataset: Dataset, tensors: Mapping[str, str]) -> Program:
    """A pipeline as a program of the loader: every sample of the dataset goes through it.

    Args:
        steps: The pipeline. If it loads annotations it is one of training: where it rejects a sample, another takes
            its place.
        dataset: The dataset.
        tensors: Its tensors by MMDetection's keys; "img" has to be there.

    Raises:
        ConfigError: A pipeline or tensors that cannot work.
    """
    known = known_tensors(dataset, tensors)
    names = numbers_for_names(dataset, known.get("gt_labels"))
    with DefaultScope.overwrite_default_scope("mmdet"):
        items = DeepLakeDetDataset(
            Given(dataset),
            deeplake_tensors=known,
            pipeline=list(steps),
            test_mode=not loads_annotations(steps),
            metainfo=None if names is None else {"classes": names},
        )
    return dataset_program(items)
