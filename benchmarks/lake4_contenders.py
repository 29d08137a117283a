"""The contenders of benchmarks/lake4.py: each loads and decodes every image of a Deep Lake 4 dataset, in order.

    python benchmarks/lake4_contenders.py NAME DATASET THREADS BATCH_SIZE EPOCHS

runs one of them for the harness. All give whole uint8 RGB images.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import torch
import torch.utils.data

from image_contenders import ImageLoader, Images, Penstock, PenstockPython, images_of, serve_one


class DeepLake(ImageLoader):
    """Base of Deep Lake's own readers."""

    def __init__(self, path: str, threads: int, batch_size: int, epochs: int) -> None:
        super().__init__(path, threads, batch_size, epochs)
        import deeplake

        deeplake.storage.set_concurrency(threads)
        self.dataset = deeplake.open_read_only(path)
        self.images = self.dataset["images"]

    def starts(self) -> range:
        return range(0, len(self.dataset), self.batch_size)

    def indices(self, start: int) -> list[int]:
        return list(range(start, min(start + self.batch_size, len(self.dataset))))


class OneByOne(DeepLake):
    """``column[i]``."""

    def batches(self) -> Iterator[Images]:
        for start in self.starts():
            yield [self.images[i] for i in self.indices(start)]


class Lists(DeepLake):
    """``column[[i, ...]]``: decodes the samples of a batch side by side."""

    def batches(self) -> Iterator[Images]:
        for start in self.starts():
            yield self.images[self.indices(start)]


class Slices(DeepLake):
    """``column[i:j]``."""

    def batches(self) -> Iterator[Images]:
        for start in self.starts():
            yield self.images[start : start + self.batch_size]


class Futures(DeepLake):
    """``column.get_async([i, ...])``, as many batches ahead as there are threads."""

    def batches(self) -> Iterator[Images]:
        waiting: list[Any] = []
        for start in self.starts():
            waiting.append(self.images.get_async(self.indices(start)))
            if len(waiting) > self.threads:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


class Batches(DeepLake):
    """``dataset.batches(n)``."""

    def batches(self) -> Iterator[Images]:
        for batch in self.dataset.batches(self.batch_size):
            yield batch["images"]


class PyTorch(DeepLake):
    """``dataset.pytorch()`` in torch's loader, without worker processes."""

    workers = 0

    def batches(self) -> Iterator[Images]:
        loader = torch.utils.data.DataLoader(
            self.dataset.query("SELECT images").pytorch(),
            batch_size=self.batch_size,
            num_workers=self.workers,
            collate_fn=images_of,
        )
        yield from loader


CONTENDERS: dict[str, type[ImageLoader]] = {
    "penstock c++": Penstock,
    "penstock python": PenstockPython,
    "deeplake column[i]": OneByOne,
    "deeplake column[[i, ...]]": Lists,
    "deeplake column[i:j]": Slices,
    "deeplake get_async": Futures,
    "deeplake batches()": Batches,
    "deeplake pytorch()": PyTorch,
}


def main() -> None:
    # deeplake 4 reports its use to its makers when it is imported, and knows no switch: a proxy that is not there stops
    # it.
    os.environ["HTTPS_PROXY"] = os.environ["https_proxy"] = "http://127.0.0.1:9"
    serve_one(CONTENDERS)


if __name__ == "__main__":
    main()
