"""The contenders of benchmarks/pipeline.py: each gives the batches of one recipe, from JPEGs to padded float tensors.

    python benchmarks/pipeline_contenders.py NAME RECIPE DATA THREADS BATCH_SIZE

runs one of them for the harness. DATA is what benchmarks/make_coco.py wrote, with the images' directory in `images`.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import torch

from harness import CLOCK, serve
from recipes import RECIPES

__all__ = ["CONTENDERS"]


class PipelineLoader:
    """Base of the contenders: subclasses give the batches of one epoch, in the order of the dataset."""

    def __init__(self, recipe: str, data: Path, threads: int, batch_size: int) -> None:
        self.steps = copy.deepcopy(RECIPES[recipe])
        self.data = data
        self.threads = threads
        self.batch_size = batch_size
        if "--no-flip" in sys.argv:
            for step in self.steps:
                if step["type"] == "RandomFlip":
                    step["flip_ratio"] = 0.0
        self.loader = self.make()

    def make(self) -> Iterable[Any]:
        raise NotImplementedError

    def batches(self) -> Iterator[dict[str, Any]]:
        yield from self.loader

    def run(self) -> int:
        samples = 0
        for batch in self.batches():
            CLOCK.batch()
            samples += len(batch["img"].data[0])
        return samples

    def sums(self) -> list[float]:
        """Mean of each image's pixels, without the padding."""
        result = []
        for batch in self.batches():
            for image, meta in zip(batch["img"].data[0], batch["img_metas"].data[0], strict=True):
                height, width = meta["img_shape"][:2]
                result.append(float(image[:, :height, :width].double().mean()))
        return result


class Penstock(PipelineLoader):
    loader_type = "c++"

    def make(self) -> Iterable[Any]:
        from penstock.integrations.mmdet import build_dataloader, build_dataset

        dataset = build_dataset(
            {"pipeline": self.steps, "deeplake_path": str(self.data / "lake"), "filter_empty_gt": True}
        )
        return build_dataloader(
            dataset, self.batch_size, self.threads, shuffle=False, seed=0, loader_type=self.loader_type
        )


class PenstockPython(Penstock):
    loader_type = "python"


class MMDetection(PipelineLoader):
    """MMDetection's own dataset and loader over the files, with worker processes."""

    def make(self) -> Iterable[Any]:
        from mmdet.datasets import build_dataloader, build_dataset

        dataset = build_dataset(
            {
                "type": "CocoDataset",
                "ann_file": str(self.data / "annotations.json"),
                "img_prefix": str(self.data / "images"),
                "pipeline": self.steps,
            }
        )
        # Not shuffled, as the others: its sampler would group by aspect ratio.
        dataset.flag[:] = 0
        loader: Iterable[Any] = build_dataloader(dataset, self.batch_size, self.threads, shuffle=False, dist=False)
        return loader


class DeepLakeIntegration(PipelineLoader):
    """Deep Lake's MMDetection integration with its Python loader, which does not survive workers here."""

    def make(self) -> Iterable[Any]:
        import deeplake
        from deeplake.integrations.mmdet.mmdet_ import build_dataloader

        dataset = deeplake.load(str(self.data / "lake"), read_only=True, verbose=False)
        loader: Iterable[Any] = build_dataloader(
            dataset,
            "images",
            None,
            "boxes",
            "categories",
            implementation="python",
            pipeline=self.steps,
            mode="train",
            num_workers=0,
            batch_size=self.batch_size,
            shuffle=False,
            metrics_format="COCO",
            dist=False,
            num_gpus=1,
        )
        return loader


CONTENDERS: dict[str, type[PipelineLoader]] = {
    "penstock c++": Penstock,
    "penstock python": PenstockPython,
    "mmdetection": MMDetection,
    "deeplake integration": DeepLakeIntegration,
}


def main() -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    name, recipe, data, threads, batch_size = sys.argv[1:6]
    serve(partial(CONTENDERS[name], recipe, Path(data), int(threads), int(batch_size)))


if __name__ == "__main__":
    main()
