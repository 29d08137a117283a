"""What contenders that load and decode all images of a dataset have in common, and Penstock's two."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch

from harness import serve

__all__ = ["ImageLoader", "Images", "Penstock", "PenstockPython", "images_of", "serve_one"]

Images = Iterable[np.ndarray[Any, Any]]


class ImageLoader:
    """Base of the contenders: subclasses give the batches of one epoch."""

    def __init__(self, path: str, threads: int, batch_size: int, epochs: int) -> None:
        self.path = path
        self.threads = threads
        self.batch_size = batch_size
        self.epochs = epochs

    def batches(self) -> Iterator[Images]:
        raise NotImplementedError

    def run(self) -> int:
        samples = 0
        for _ in range(self.epochs):
            for batch in self.batches():
                samples += sum(1 for _ in batch)
        return samples

    def sums(self) -> list[int]:
        return [
            zlib.crc32(np.ascontiguousarray(self.rgb(np.asarray(image)))) for batch in self.batches() for image in batch
        ]

    def rgb(self, image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """A contender's image in RGB."""
        return image


class Penstock(ImageLoader):
    loader_type = "c++"

    def __init__(self, path: str, threads: int, batch_size: int, epochs: int) -> None:
        super().__init__(path, threads, batch_size, epochs)
        import penstock

        self.loader = penstock.DataLoader(
            path,
            batch_size,
            loader_type=self.loader_type,
            tensors=["images"],
            num_threads=threads,
            num_workers=threads if self.loader_type == "python" else 0,
        )

    def batches(self) -> Iterator[Images]:
        for batch in self.loader:
            yield batch["images"]


class PenstockPython(Penstock):
    loader_type = "python"


def images_of(samples: list[Any]) -> list[Any]:
    """Collates Deep Lake's samples."""
    return [sample["images"] for sample in samples]


def serve_one(contenders: dict[str, type[ImageLoader]]) -> None:
    """Serves the one that the command line names, with its dataset, threads, batch size and epochs."""
    torch.set_num_threads(1)
    name, path, threads, batch_size, epochs = sys.argv[1:]
    serve(lambda: contenders[name](path, int(threads), int(batch_size), int(epochs)))
