"""A configured pipeline, and MMDetection's transforms with one in place of those that read image files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy.typing as npt
from mmcv.transforms import LoadImageFromFile
from mmdet.datasets.transforms import LoadAnnotations

from penstock.errors import ConfigError
from penstock.integrations.mmdet3.data.load_image import LoadImageFromDeepLake
from penstock.loading.program import Color

__all__ = ["built_pipeline", "loads_annotations", "loads_masks", "loads_polygons", "within"]

_NOT_YET = {
    "LoadImageFromNDArray": "images come from the dataset",
    "LoadMultiChannelImageFromFiles": "images come from the dataset",
    "LoadPanopticAnnotations": "masks of stuff are not read",
    "LoadProposals": "proposals are not read",
}


def built_pipeline(pipeline: Any, read: Callable[[int, Color], npt.NDArray[Any]]) -> Any:
    """A pipeline that takes its images from a Deep Lake dataset.

    Args:
        pipeline: MMDetection's ``Compose``, which is changed.
        read: Gives an item's image in a colour.

    Returns:
        The same ``Compose``. Where it does not begin with loading the image, that is put in front.

    Raises:
        ConfigError: A transform that is not supported yet.
    """
    transforms = [
        LoadImageFromDeepLake.of(transform, read)
        if type(transform) in (LoadImageFromFile, LoadImageFromDeepLake)
        else transform
        for transform in pipeline.transforms
    ]
    for number, transform in enumerate(transforms, start=1):
        name = type(transform).__name__
        if name in _NOT_YET:
            raise ConfigError(f"pipeline step {number}: '{name}' is not supported yet: {_NOT_YET[name]}")
    if not any(isinstance(transform, LoadImageFromDeepLake) for transform in transforms):
        transforms.insert(0, LoadImageFromDeepLake(read))
    pipeline.transforms = transforms
    return pipeline


def loads_annotations(pipeline: Any) -> bool:
    """Whether a configured pipeline, or transforms, load annotations."""
    return any(True for _ in _loading(pipeline))


def loads_masks(pipeline: Any) -> bool:
    """Whether they load masks."""
    return any(with_mask for with_mask, _ in _loading(pipeline))


def loads_polygons(pipeline: Any) -> bool:
    """Whether they load masks as polygons."""
    return any(with_mask and not to_bitmaps for with_mask, to_bitmaps in _loading(pipeline))


def _loading(value: Any) -> Iterator[tuple[bool, bool]]:
    """Of each LoadAnnotations, in others too: whether it loads masks, and makes bitmaps of polygons."""
    if isinstance(value, LoadAnnotations):
        yield bool(value.with_mask), bool(value.poly2mask)
    elif isinstance(value, Mapping):
        kind = value.get("type")
        if (kind.__name__ if isinstance(kind, type) else str(kind)).rpartition(".")[2] == "LoadAnnotations":
            yield bool(value.get("with_mask", False)), bool(value.get("poly2mask", True))
        for inner in value.values():
            yield from _loading(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _loading(inner)
    else:
        for inner in within(value):
            yield from _loading(inner)


def within(transform: Any) -> list[Any]:
    """The transforms that a transform is made of: those of a ``Compose``, a choice, or test-time augmentation."""
    found = getattr(transform, "subroutines", None) or getattr(transform, "transforms", None)
    return list(found) if isinstance(found, (list, tuple)) else []
