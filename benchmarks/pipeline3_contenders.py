"""The contenders of benchmarks/pipeline3.py: each gives the training batches of one recipe, shuffled.

    python benchmarks/pipeline3_contenders.py NAME RECIPE DATA THREADS BATCH_SIZE IMAGES

runs one of them for the harness, in the environment of its framework.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from harness import CLOCK, serve

__all__ = ["CONTENDERS"]

#: MMDetection's own configurations.
_CONFIGS = {
    "rtmdet": "rtmdet/rtmdet_tiny_8xb32-300e_coco.py",
    "yolox": "yolox/yolox_tiny_8xb8-300e_coco.py",
    "faster_rcnn": "faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py",
}
_DETECTRON2 = "COCO-Detection/faster_rcnn_R_50_FPN_1x.yaml"


class Batches:
    """Base of the contenders: a run takes as many batches as it is told, from the beginning of an epoch on, and begins
    another one where that is not enough. Worker processes are started by the first run, which is not counted.
    """

    def __init__(self, recipe: str, data: Path, threads: int, batch_size: int, images: int) -> None:
        self.recipe = recipe
        self.data = data
        self.threads = threads
        self.batch_size = batch_size
        self.count = images // batch_size
        self.loader = self.make()

    def make(self) -> Iterable[Any]:
        raise NotImplementedError

    def epochs(self) -> Iterator[Any]:
        while True:
            # "yield from" would close an endless loader's iterator with the run.
            for batch in self.loader:  # noqa: UP028
                yield batch

    def run(self) -> int:
        taken = 0
        for batch in itertools.islice(self.epochs(), self.count):
            CLOCK.batch()
            taken += len(batch["inputs"] if isinstance(batch, dict) else batch)
        CLOCK.end()
        return taken

    def sums(self) -> list[float]:
        """Nothing that could be compared: each contender draws other numbers."""
        return []


def _mmdet3_config(recipe: str) -> Any:
    from mmdet.utils import register_all_modules
    from mmengine.config import Config
    from mmengine.hub import get_config

    register_all_modules(init_default_scope=True)
    cfg = get_config(f"mmdet::{_CONFIGS[recipe]}")
    assert isinstance(cfg, Config)
    return cfg


def _stock_dataset(cfg: Any, data: Path) -> dict[str, Any]:
    """The dataset of its training, within MultiImageMixDataset too, over DATA's files."""
    files = {
        "ann_file": str(data / "annotations.json"),
        "data_prefix": {"img": str(data / "images")},
        "data_root": "",
    }
    dataset: dict[str, Any] = cfg.train_dataloader.dataset
    dataset.get("dataset", dataset).update(files)
    return dataset


class MMDetection3(Batches):
    """MMDetection's loader over the files, with worker processes."""

    def make(self) -> Iterable[Any]:
        from mmengine.runner import Runner

        cfg = _mmdet3_config(self.recipe)
        loader = cfg.train_dataloader
        loader.update(batch_size=self.batch_size, num_workers=self.threads, dataset=_stock_dataset(cfg, self.data))
        loader.persistent_workers = True
        made: Iterable[Any] = Runner.build_dataloader(loader, seed=0)
        return made


class Penstock3(Batches):
    """The same configuration, over the lake."""

    def make(self) -> Iterable[Any]:
        from penstock.integrations.mmdet3 import build_dataloader

        cfg = _mmdet3_config(self.recipe)
        loader = cfg.train_dataloader
        dataset = loader.dataset
        own = dataset.get("dataset", dataset)
        own.update(type="DeepLakeDetDataset", deeplake_path=str(self.data / "lake"))
        loader.update(batch_size=self.batch_size, num_workers=self.threads)
        return build_dataloader(loader, seed=0)


def _detectron2_config(batch_size: int, threads: int) -> Any:
    from detectron2 import model_zoo

    cfg = model_zoo.get_config(_DETECTRON2)
    cfg.SOLVER.IMS_PER_BATCH = batch_size
    cfg.DATALOADER.NUM_WORKERS = threads
    cfg.SEED = 0
    return cfg


class Detectron2(Batches):
    """Detectron2's loader over the files, with worker processes."""

    def make(self) -> Iterable[Any]:
        from detectron2.data import build_detection_train_loader
        from detectron2.data.datasets import register_coco_instances

        register_coco_instances("train", {}, str(self.data / "annotations.json"), str(self.data / "images"))
        cfg = _detectron2_config(self.batch_size, self.threads)
        cfg.DATASETS.TRAIN = ("train",)
        return iter(build_detection_train_loader(cfg))


class PenstockDetectron2(Batches):
    def make(self) -> Iterable[Any]:
        from penstock.integrations.detectron2 import build_train_loader, register_deeplake

        register_deeplake("train", str(self.data / "lake"))
        cfg = _detectron2_config(self.batch_size, self.threads)
        cfg.DATASETS.TRAIN = ("train",)
        return iter(build_train_loader(cfg))


_OF_MMDET3: dict[str, type[Batches]] = {"penstock c++": Penstock3, "mmdetection 3": MMDetection3}
_OF_DETECTRON2: dict[str, type[Batches]] = {"penstock c++": PenstockDetectron2, "detectron2": Detectron2}
#: By recipe and name.
CONTENDERS: dict[str, dict[str, type[Batches]]] = {
    "rtmdet": _OF_MMDET3,
    "faster_rcnn": _OF_MMDET3,
    "yolox": _OF_MMDET3,
    "detectron2 faster_rcnn": _OF_DETECTRON2,
}


def main() -> None:
    import cv2
    import torch

    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    name, recipe, data, threads, batch_size, images = sys.argv[1:7]
    make: Callable[..., Batches] = CONTENDERS[recipe][name]
    serve(partial(make, recipe, Path(data), int(threads), int(batch_size), int(images)))


if __name__ == "__main__":
    main()
