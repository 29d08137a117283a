"""What is wrong with the pipelines of a run, found before it starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmdet.datasets import ConcatDataset, MultiImageMixDataset
from mmdet.datasets.pipelines import AutoAugment, Collect, Compose, LoadAnnotations, MultiScaleFlipAug

from penstock.errors import ConfigError
from penstock.integrations.mmdet.data.dataset import DeepLakeCocoDataset
from penstock.integrations.mmdet.data.load_image import LoadImageFromDeepLake
from penstock.integrations.mmdet.data.wrappers import leaves_of

__all__ = ["check_test_pipelines", "check_train_pipelines"]

#: Of MMDetection's steps those that end a pipeline, or have such within.
_LAST_STEPS = (Collect, MultiScaleFlipAug, AutoAugment, Compose)
#: What models are trained with.
_ANNOTATIONS = {"gt_bboxes", "gt_labels", "gt_masks"}


def check_train_pipelines(dataset: Any) -> None:
    """Raises ConfigError for pipelines that no detector can be trained with."""
    for step in _last_steps(dataset):
        if isinstance(step, MultiScaleFlipAug) or (type(step) is Collect and not _ANNOTATIONS & set(step.keys)):
            name = type(step).__name__
            raise ConfigError(
                f"data.train: the pipeline ends with '{name}' and collects no annotations: it is one of testing",
                hint="Give it the pipeline of training, with Collect(keys=['img', 'gt_bboxes', 'gt_labels'])",
            )
        _check_collects("data.train", step)
    for leaf in leaves_of(dataset):
        if any(isinstance(step, LoadAnnotations) and step.denorm_bbox for step in leaf.pipeline.transforms):
            raise ConfigError(
                "data.train: denorm_bbox=True multiplies boxes by the image's size, and those of Deep Lake come in "
                "pixels, whatever their format",
                hint="Leave it out",
            )


def check_test_pipelines(dataset: Any) -> None:
    """Raises ConfigError for pipelines that no detector can be evaluated with."""
    for step in _last_steps(dataset):
        if type(step) is Collect:
            raise ConfigError(
                "data.val: the pipeline has no 'MultiScaleFlipAug', which detectors take images from in testing",
                hint="Give it the test pipeline of MMDetection's configurations",
            )
        _check_collects("data.val", step)


def _check_collects(where: str, step: Any) -> None:
    """A user's own step may do what ``Collect`` does; MMDetection's others do not."""
    loads = isinstance(step, LoadImageFromDeepLake)
    if loads or (type(step).__module__.startswith("mmdet.") and not isinstance(step, _LAST_STEPS)):
        name = "LoadImageFromFile" if loads else type(step).__name__
        raise ConfigError(
            f"{where}: the pipeline ends with '{name}', and not with 'Collect'",
            hint="Append dict(type='Collect', keys=['img', 'gt_bboxes', 'gt_labels'])",
        )


def _last_steps(dataset: Any) -> Iterator[Any]:
    """The last step of the pipeline of each kind of samples within a dataset."""
    if isinstance(dataset, MultiImageMixDataset):
        yield dataset.pipeline[-1]
    elif isinstance(dataset, ConcatDataset):
        for inner in dataset.datasets:
            yield from _last_steps(inner)
    elif isinstance(dataset, DeepLakeCocoDataset):
        yield dataset.pipeline.transforms[-1]
    else:
        yield from _last_steps(dataset.dataset)
