"""The contenders of benchmarks/decode.py: each loads and decodes every JPEG of a dataset, in order, in batches.

    python benchmarks/decode_contenders.py NAME DATASET THREADS BATCH_SIZE EPOCHS

runs one of them for the harness. All get the same bytes; each gives whole uint8 RGB images (cv2: BGR, its own order).
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import cv2
import numpy as np
import torch
import torch.utils.data

from harness import serve

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
        return image


class Penstock(ImageLoader):
    loader_type = "c++"
    workers = 0

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


class DeepLake(ImageLoader):
    """Deep Lake's own loader for torch, without worker processes."""

    workers = 0

    def __init__(self, path: str, threads: int, batch_size: int, epochs: int) -> None:
        super().__init__(path, threads, batch_size, epochs)
        import deeplake

        dataset = deeplake.load(path, read_only=True, verbose=False)
        self.loader = dataset.pytorch(
            tensors=["images"], num_workers=self.workers, batch_size=batch_size, collate_fn=_images_of
        )

    def batches(self) -> Iterator[Images]:
        yield from self.loader


class DeepLakeWorkers(DeepLake):
    workers = 2


def _images_of(samples: list[Any]) -> list[Any]:
    return [sample["images"] for sample in samples]


class _Encoded(torch.utils.data.Dataset[Any]):
    def __init__(self, images: list[bytes]) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        encoded = np.frombuffer(self.images[index], np.uint8)
        return torch.from_numpy(cv2.imdecode(encoded, cv2.IMREAD_COLOR))


class TorchCv2(ImageLoader):
    """torch's DataLoader with worker processes and OpenCV, over JPEGs that lie in memory."""

    def __init__(self, path: str, threads: int, batch_size: int, epochs: int) -> None:
        super().__init__(path, threads, batch_size, epochs)
        import penstock

        images = penstock.open(path)["images"]
        self.loader = torch.utils.data.DataLoader(
            _Encoded([images.bytes(i) for i in range(len(images))]),
            batch_size=batch_size,
            num_workers=threads,
            collate_fn=list,
        )

    def batches(self) -> Iterator[Images]:
        yield from self.loader

    def rgb(self, image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return image[:, :, ::-1]


CONTENDERS: dict[str, type[ImageLoader]] = {
    "penstock c++": Penstock,
    "penstock python": PenstockPython,
    "deeplake python": DeepLake,
    "deeplake python, workers": DeepLakeWorkers,
    "torch + cv2": TorchCv2,
}


def main() -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    name, path, threads, batch_size, epochs = sys.argv[1:]
    serve(lambda: CONTENDERS[name](path, int(threads), int(batch_size), int(epochs)))


if __name__ == "__main__":
    main()
