"""The contenders of benchmarks/decode.py: each loads and decodes every JPEG of a dataset, in order, in batches.

    python benchmarks/decode_contenders.py NAME DATASET THREADS BATCH_SIZE EPOCHS

runs one of them for the harness. All get the same bytes; each gives whole uint8 RGB images (cv2: BGR, its own order).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import torch
import torch.utils.data

from image_contenders import ImageLoader, Images, Penstock, PenstockPython, images_of, serve_one


class DeepLake(ImageLoader):
    """Deep Lake's own loader for torch, without worker processes."""

    workers = 0

    def __init__(self, path: str, threads: int, batch_size: int, epochs: int) -> None:
        super().__init__(path, threads, batch_size, epochs)
        import deeplake

        dataset = deeplake.load(path, read_only=True, verbose=False)
        self.loader = dataset.pytorch(
            tensors=["images"], num_workers=self.workers, batch_size=batch_size, collate_fn=images_of
        )

    def batches(self) -> Iterator[Images]:
        yield from self.loader


class DeepLakeWorkers(DeepLake):
    workers = 2


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
    serve_one(CONTENDERS)


if __name__ == "__main__":
    main()
