"""What a pipeline of an MMDetection 3 configuration makes of one sample after another, in any order."""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from mmdet.registry import DATASETS
from mmengine.config import Config
from mmengine.registry import DefaultScope

from penstock.dataset import Dataset
from penstock.detection.moves import Moves
from penstock.detection.reference.load import bitmap_of
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

#: Whose steps give several pictures of one.
_SEVERAL = "TestTimeAug"


def read_config(path: str | os.PathLike[str], split: str = "train") -> Config:
    """A configuration from its file.

    Args:
        path: The file.
        split: "train", "val" or "test".

    Raises:
        ConfigError: The file is not there, or is no configuration with a ``{split}_dataloader``.
    """
    cfg: Config = config_from(Config, path)
    if not cfg.get(f"{split}_dataloader"):
        raise ConfigError(f"the configuration '{os.fspath(path)}' has no {split}_dataloader")
    return cfg


class SampleLooker:
    """Runs the pipeline on single samples. Each comes out as from the split's loader with this seed, in the epoch that
    is asked for.

    Of training, boxes and masks are what the pipeline gives. Of "val" and "test" they are those that the dataset has,
    moved to where the pipeline has moved the image: MMDetection leaves them where they are, since its metrics ask so.

    Args:
        cfg: An mmengine ``Config``, which is not changed.
        split: "train", "val" or "test".
        dataset: The dataset, in place of the configuration's.
        seed: Of what is random.
        loader_type: "auto", "c++" or "python"; None: the configuration's.

    Raises:
        ConfigError: A configuration that cannot work.
    """

    def __init__(
        self, cfg: Any, dataset: Dataset, seed: int, loader_type: str | None = None, split: str = "train"
    ) -> None:
        described = copy.deepcopy(cfg[f"{split}_dataloader"]["dataset"])
        leaves = list(deep_lake_datasets(described))
        if len(leaves) != 1:
            raise ConfigError(
                f"{split}_dataloader has {len(leaves)} datasets of the type 'DeepLakeDetDataset', and one is looked at",
                hint="Say custom_imports=dict(imports=['penstock.integrations.mmdet3']) and type='DeepLakeDetDataset'",
            )
        leaves[0]["deeplake_path"] = Given(dataset)
        # Names of steps are MMDetection's, as its runners see to.
        with DefaultScope.overwrite_default_scope(cfg.get("default_scope") or "mmdet"):
            self._dataset = DATASETS.build(described)
        self._dataset.full_init()
        self._items = KINDS.flat(self._dataset)
        self._leaf = leaves_of(self._dataset)[0]
        self._moves_stored = split != "train" or self._leaf.test_mode
        self._loader_type = loader_type or self._leaf.loader_type
        self._seed = LoaderSeed(seed, None, lambda: (0, 1))
        self._lock = threading.Lock()

    def shown(self, index: int, epoch: int) -> list[Shown]:
        """The sample of an index of the dataset in an epoch.

        Raises:
            ConfigError: The split leaves the sample out, or the pipeline does not end with PackDetInputs, or makes
                several pictures of one.
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
        if isinstance(batch["inputs"][0], list):
            raise ConfigError(f"the pipeline makes several pictures of one ({_SEVERAL}), which are not shown")
        return [self._shown(index, batch["inputs"][0], batch["data_samples"][0])]

    def _shown(self, index: int, image: Any, sample: Any) -> Shown:
        found = self._leaf.index_of(sample.metainfo.get("img_id"), sample.metainfo.get("img_path"))
        number = index if found is None else found
        annotated = self._stored(number, image.shape[-2:], sample) if self._moves_stored else _given(sample)
        names = self._dataset.metainfo["classes"]
        return Shown(
            pixels=self._pixels(image.numpy()),
            boxes=annotated.boxes,
            labels=[names[label] for label in annotated.labels],
            index=number,
            masks=annotated.masks,
            ignored=annotated.ignored,
            notes={key: sample.metainfo[key] for key in ("scale_factor", "flip") if key in sample.metainfo},
        )

    def _stored(self, index: int, shape: Sequence[int], sample: Any) -> _Annotated:
        """What the dataset has of a sample, where the pipeline has moved it."""
        item = int(np.flatnonzero(self._leaf.indices == index)[0])
        info = self._leaf.get_data_info(item)
        meta = dict(sample.metainfo)
        # Along x and y; of an image that was not resized there is none.
        meta["scale_factor"] = np.tile(np.asarray(meta.get("scale_factor", (1.0, 1.0)), np.float64), 2)
        moves = Moves.of(meta, shape)
        boxes = np.array([one["bbox"] for one in info["instances"]], np.float64).reshape(-1, 4)
        ignored = np.array([one["ignore_flag"] for one in info["instances"]], bool)
        taken = [one for one in info["instances"] if not one["ignore_flag"]]
        masks = None
        if taken and all("mask" in one for one in taken):
            extent = info["height"], info["width"]
            stored = np.stack([bitmap_of(one["mask"], *extent) for one in taken]).astype(bool)
            masks = moves.masks(stored, shape)
        return _Annotated(
            moves.boxes(boxes[~ignored]), [one["bbox_label"] for one in taken], moves.boxes(boxes[ignored]), masks
        )

    def _pixels(self, image: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """A batch's image [channels, h, w] as RGB, uint8 [h, w, 3]."""
        pixels = np.clip(np.rint(image.transpose(1, 2, 0)), 0, 255).astype(np.uint8)
        if pixels.shape[2] != 3:
            return np.ascontiguousarray(pixels[..., :1].repeat(3, axis=2))
        load = next((step for step in self._leaf.pipeline.transforms if isinstance(step, KINDS.load)), None)
        rgb = load is not None and load.color == "rgb"
        return np.ascontiguousarray(pixels if rgb else pixels[..., ::-1])


class _Annotated(NamedTuple):
    """What is annotated in a picture: boxes [n, 4] and labels, boxes that are ignored, masks [n, h, w]."""

    boxes: npt.NDArray[Any]
    labels: list[int]
    ignored: npt.NDArray[Any]
    masks: npt.NDArray[np.bool_] | None


def _given(sample: Any) -> _Annotated:
    """What a training pipeline gives."""
    instances, ignored = sample.gt_instances, sample.get("ignored_instances")
    masks = instances.masks.to_ndarray().astype(bool) if "masks" in instances else None
    none = np.zeros((0, 4))
    return _Annotated(_boxes(instances), instances.labels.tolist(), none if ignored is None else _boxes(ignored), masks)


def _boxes(instances: Any) -> npt.NDArray[Any]:
    boxes = instances.bboxes
    array: npt.NDArray[Any] = getattr(boxes, "tensor", boxes).numpy().reshape(-1, 4)
    return array
