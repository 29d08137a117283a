"""Registered datasets, and Detectron2's own mapper as their oracle: fed with our random numbers."""

from __future__ import annotations

import contextlib
import copy
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from detectron2.data import DatasetCatalog, DatasetMapper, MetadataCatalog
from detectron2.data import transforms as T
from detectron2.data.datasets import load_coco_json

from penstock.detection.steps import PythonStep
from penstock.integrations import detectron2 as ours
from penstock.integrations.detectron2.lowering import flat, lower
from penstock.loading.draws import Stream
from penstock.loading.seeded_globals import seeded_globals
from support.coco_lakes import CocoPair
from support.fed_draws import drawing_from

__all__ = ["FedMapper", "assert_same_sample", "config", "from_file", "registered", "registered_file"]

_numbers = itertools.count()


@contextlib.contextmanager
def registered(pair: CocoPair, name: str | None = None, **options: Any) -> Iterator[str]:
    """The name under which a pair's lake is registered."""
    name = name or f"lake_{next(_numbers)}"
    ours.register_deeplake(name, pair.lake, **options)
    try:
        yield name
    finally:
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


@contextlib.contextmanager
def registered_file(pair: CocoPair) -> Iterator[str]:
    """The name under which a pair's COCO file is registered, as Detectron2 does it."""
    from detectron2.data.datasets import register_coco_instances

    name = f"file_{next(_numbers)}"
    register_coco_instances(name, {}, str(pair.annotations), str(pair.images))
    try:
        yield name
    finally:
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


def from_file(pair: CocoPair, root: str) -> list[dict[str, Any]]:
    """The dicts of a pair's COCO file."""
    name = f"dicts_{next(_numbers)}"
    try:
        return load_coco_json(str(pair.annotations), root, name)
    finally:
        MetadataCatalog.remove(name)


def config(*, train: Sequence[str] = (), test: Sequence[str] = (), **settings: Any) -> Any:
    """Detectron2's default configuration with some settings, whose names have ``__`` for a dot."""
    from detectron2.config import get_cfg

    cfg = get_cfg()
    cfg.DATASETS.TRAIN, cfg.DATASETS.TEST = tuple(train), tuple(test)
    cfg.MODEL.DEVICE = "cpu"
    cfg.DATALOADER.NUM_WORKERS = 0
    cfg.SEED = 3
    cfg.merge_from_list([part for key, value in settings.items() for part in (key.replace("__", "."), value)])
    return cfg


class FedMapper:
    """Detectron2's DatasetMapper, whose augmentations draw what the steps of a loader draw, and those that run in
    Python there what they draw there.

    Args:
        mapper: The mapper.
        seed, epoch: Of the loader.
    """

    def __init__(self, mapper: DatasetMapper, seed: int, epoch: int) -> None:
        self._mapper = copy.copy(mapper)
        augmentations = enumerate(flat(mapper.augmentations.augs), 1)
        self._mapper.augmentations = T.AugmentationList([_Fed(one, self, number) for number, one in augmentations])
        self._seed, self._epoch = seed, epoch
        self.stream = Stream(seed, epoch, 0)

    def __call__(self, record: dict[str, Any], index: int) -> dict[str, Any]:
        """The sample of a dict, which is sample ``index`` of the loader's dataset."""
        self.stream = Stream(self._seed, self._epoch, index)
        with seeded_globals(self._seed, self._epoch, index):
            return self._mapper(record)


class _Fed(T.Augmentation):
    def __init__(self, augmentation: Any, mapper: FedMapper, number: int) -> None:
        super().__init__()
        self._augmentation, self._mapper, self._number = augmentation, mapper, number

    def __call__(self, aug_input: Any) -> Any:
        (_, step) = lower([self._augmentation], "BGR")
        if isinstance(step, PythonStep):
            return self._augmentation(aug_input)
        with drawing_from(self._mapper.stream.step(self._number)):
            return self._augmentation(aug_input)

    def __repr__(self) -> str:
        return f"fed {self._augmentation!r}"


def assert_same_sample(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Equal to the last bit."""
    assert found.keys() == expected.keys()
    for key in expected.keys() - {"image", "instances"}:
        assert found[key] == expected[key]
    assert found["image"].dtype == expected["image"].dtype
    assert torch.equal(found["image"], expected["image"])
    if "instances" in expected:
        assert_same_instances(found["instances"], expected["instances"])


def assert_same_instances(found: Any, expected: Any) -> None:
    assert found.image_size == expected.image_size
    assert found.get_fields().keys() == expected.get_fields().keys()
    assert found.gt_boxes.tensor.dtype == expected.gt_boxes.tensor.dtype
    assert torch.equal(found.gt_boxes.tensor, expected.gt_boxes.tensor)
    assert torch.equal(found.gt_classes, expected.gt_classes)
    assert found.gt_classes.dtype == expected.gt_classes.dtype
    if not expected.has("gt_masks"):
        return
    assert type(found.gt_masks) is type(expected.gt_masks)
    if hasattr(expected.gt_masks, "polygons"):
        for one, other in zip(found.gt_masks.polygons, expected.gt_masks.polygons, strict=True):
            for polygon, wanted in zip(one, other, strict=True):
                np.testing.assert_array_equal(polygon, wanted, strict=True)
    else:
        assert torch.equal(found.gt_masks.tensor, expected.gt_masks.tensor)
