"""What the training pipeline of an MMDetection 3 configuration makes of one sample after another, in any order."""

from __future__ import annotations

import copy
import os
import threading
from typing import Any

import numpy as np
import numpy.typing as npt
from mmdet.registry import DATASETS
from mmengine.config import Config

from penstock.dataset import Dataset
from penstock.detection.sampler import OrderedSampler
from penstock.detection.shown import Shown
from penstock.errors import ConfigError
from penstock.integrations.mmdet3.building import deep_lake_datasets
from penstock.integrations.mmdet3.data.opening import Given
from penstock.integrations.mmdet3.data.wrappers import KINDS, leaves_of
from penstock.integrations.mmdet3.detection_loader import DetectionLoader
from penstock.integrations.openmmlab.config_files import config_from
from penstock.integrations.openmmlab.looking import check_taken
from penstock.loading.seed import LoaderSeed

__all__ = ["SampleLooker", "read_config"]

_LOADER = "train_dataloader"


def read_config(path: str | os.PathLike[str]) -> Config:
    """A configuration from its file.

    Raises:
        ConfigError: The file is not there, or is no configuration with a ``train_dataloader``.
    """
    cfg: Config = config_from(Config, path)
    if not cfg.get(_LOADER):
        raise ConfigError(f"the configuration '{os.fspath(path)}' has no {_LOADER}")
    return cfg


class SampleLooker:
    """Runs the pipeline on single samples. Each comes out as in training with this seed, in the epoch that is asked
    for.

    Args:
        cfg: An mmengine ``Config``, which is not changed.
        dataset: The dataset, in place of the configuration's.
        seed: Of what is random.
        loader_type: "auto", "c++" or "python"; None: the configuration's.

    Raises:
        ConfigError: A configuration that cannot work.
    """

    def __init__(self, cfg: Any, dataset: Dataset, seed: int, loader_type: str | None = None) -> None:
        described = copy.deepcopy(cfg[_LOADER]["dataset"])
        leaves = list(deep_lake_datasets(described))
        if len(leaves) != 1:
            raise ConfigError(
                f"{_LOADER} has {len(leaves)} datasets of the type 'DeepLakeDetDataset', and one is looked at",
                hint="Say custom_imports=dict(imports=['penstock.integrations.mmdet3']) and type='DeepLakeDetDataset'",
            )
        leaves[0]["deeplake_path"] = Given(dataset)
        self._dataset = DATASETS.build(described)
        self._dataset.full_init()
        self._items = KINDS.flat(self._dataset)
        self._leaf = leaves_of(self._dataset)[0]
        self._loader_type = loader_type or self._leaf.loader_type
        self._seed = LoaderSeed(seed, None, lambda: (0, 1))
        self._lock = threading.Lock()

    def shown(self, index: int, epoch: int) -> list[Shown]:
        """The sample of an index of the dataset in an epoch.

        Raises:
            ConfigError: Training leaves the sample out, or the pipeline does not end with PackDetInputs.
            PenstockError: What loading raises.
        """
        check_taken(self._items.indices, index)
        # One after the other: the pipeline may be the user's own, and not made for threads.
        with self._lock:
            loader = DetectionLoader(
                self._items,
                self._dataset,
                1,
                sampler=OrderedSampler(np.array([index], np.int64)),
                seed=self._seed,
                num_threads=1,
                loader_type=self._loader_type,
            )
            with loader:
                loader.set_epoch(epoch)
                batch = next(iter(loader))
        if not isinstance(batch, dict) or "inputs" not in batch or "data_samples" not in batch:
            raise ConfigError("the pipeline does not end with PackDetInputs: it makes no batches that a model takes")
        return [self._shown(index, batch["inputs"][0], batch["data_samples"][0])]

    def _shown(self, index: int, image: Any, sample: Any) -> Shown:
        instances, ignored = sample.gt_instances, sample.get("ignored_instances")
        names = self._dataset.metainfo["classes"]
        masks = instances.masks.to_ndarray().astype(bool) if "masks" in instances else None
        found = self._leaf.index_of(sample.metainfo.get("img_id"), sample.metainfo.get("img_path"))
        return Shown(
            pixels=self._pixels(image.numpy()),
            boxes=_boxes(instances),
            labels=[names[label] for label in instances.labels.tolist()],
            index=index if found is None else found,
            masks=masks,
            ignored=np.zeros((0, 4)) if ignored is None else _boxes(ignored),
            notes={key: sample.metainfo[key] for key in ("scale_factor", "flip") if key in sample.metainfo},
        )

    def _pixels(self, image: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """A batch's image [channels, h, w] as RGB, uint8 [h, w, 3]."""
        pixels = np.clip(np.rint(image.transpose(1, 2, 0)), 0, 255).astype(np.uint8)
        if pixels.shape[2] != 3:
            return np.ascontiguousarray(pixels[..., :1].repeat(3, axis=2))
        load = next((step for step in self._leaf.pipeline.transforms if isinstance(step, KINDS.load)), None)
        rgb = load is not None and load.color == "rgb"
        return np.ascontiguousarray(pixels if rgb else pixels[..., ::-1])


def _boxes(instances: Any) -> npt.NDArray[Any]:
    boxes = instances.bboxes
    array: npt.NDArray[Any] = getattr(boxes, "tensor", boxes).numpy().reshape(-1, 4)
    return array
