"""MMDetection pipelines as the loader's transforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmcv.parallel import collate
from mmdet.datasets.pipelines import LoadAnnotations

from penstock.dataset import Dataset
from penstock.described import described
from penstock.detection.categories import numbers_for_names
from penstock.detection.items import LoadedItems
from penstock.detection.native_part import items_program
from penstock.detection.tensors import known_tensors, resolve_tensors
from penstock.errors import ConfigError
from penstock.integrations.mmdet.data.dataset import DeepLakeCocoDataset
from penstock.integrations.mmdet.data.load_image import LoadImageFromDeepLake
from penstock.integrations.mmdet.pipeline.build_steps import is_test_pipeline, loads_masks
from penstock.integrations.mmdet.pipeline.collecting import collector_of
from penstock.integrations.mmdet.pipeline.metas import Metas
from penstock.loading.program import Program

__all__ = ["collate_batch", "compile_pipeline", "dataset_program"]


def compile_pipeline(steps: Sequence[Mapping[str, Any]], *, dataset: Dataset, tensors: Mapping[str, str]) -> Program:
    """An MMDetection pipeline as a program of the loader: every sample of the dataset goes through it.

    Args:
        steps: The pipeline. If it loads or collects annotations it is one of training: boxes and labels are
            added.
        dataset: The dataset.
        tensors: Its tensors by MMDetection's keys; "img" has to be there.

    Raises:
        ConfigError: A pipeline or tensors that cannot work.
    """
    known = known_tensors(dataset, tensors)
    test_mode = is_test_pipeline(steps)
    resolved = resolve_tensors(
        dataset, known, annotations=not test_mode, masks=not test_mode and loads_masks(steps)
    )
    return dataset_program(
        DeepLakeCocoDataset(
            dataset,
            resolved,
            steps,
            classes=numbers_for_names(dataset, resolved.gt_labels),
            test_mode=test_mode,
            filter_images=False,
        )
    )


def dataset_program(dataset: LoadedItems) -> Program:
    """The program that gives the items of an MMDetection dataset.

    Raises:
        ConfigError: A pipeline of training where there are no annotations to load.
    """
    built = dataset.transforms
    if dataset.test_mode and any(isinstance(step, LoadAnnotations) for step in built):
        raise ConfigError(
            "the pipeline loads annotations (LoadAnnotations), and a dataset of testing (test_mode) gives it none",
            path=dataset.source.path,
            hint="Give data.val and data.test the test pipeline, and data.train no test_mode",
        )
    load = next(step for step in built if isinstance(step, LoadImageFromDeepLake))
    return items_program(
        dataset,
        color=load.color,
        collate=collate_batch,
        collector_of=lambda steps, gray: collector_of(steps, gray=gray),
        notes_of=lambda steps, gray: Metas(steps, gray=gray),
        texts=_text_of,
    )


def _text_of(step: Any) -> str:
    # Of MMDetection's own steps, FilterAnnotations fails in its text and EqualizeTransform has none.
    return described(step).replace("( ", "(")


def collate_batch(samples: list[Any]) -> Any:
    """One batch for one device, as mmcv collates it."""
    return collate(samples, samples_per_gpu=len(samples))
