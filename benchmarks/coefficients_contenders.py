"""The contenders of benchmarks/coefficients.py: the C++ loader without a cache, in the first epoch with one in memory,
and in later epochs with one in memory or a folder.

    python benchmarks/coefficients_contenders.py FORM LOAD DATA THREADS BATCH_SIZE FOLDER

runs one of them for the harness.
"""

from __future__ import annotations

import copy
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from harness import CLOCK, serve
from recipes import RECIPES


class Epochs:
    """A loader whose runs are its epochs. The harness lets each contender run once before it measures: that fills the
    cache. Of first epochs each run has a loader, and a cache, of its own, which is made before the clock begins."""

    def __init__(self, form: str, load: str, data: Path, threads: int, batch_size: int, folder: str) -> None:
        self.options: dict[str, Any] = {} if form == "no cache" else {"cache": "coefficients"}
        if form == "folder":
            self.options["cache_dir"] = folder
        self.anew = form == "first epoch"
        self.load, self.data, self.threads, self.batch_size = load, data, threads, batch_size
        self.key = "images" if load == "decode" else "img"
        self.loader = self.made()

    def made(self) -> Any:
        if self.load == "decode":
            import penstock

            return penstock.DataLoader(
                self.data / "lake",
                self.batch_size,
                tensors=["images"],
                loader_type="c++",
                num_threads=self.threads,
                **self.options,
            )
        from penstock.integrations.mmdet import build_dataloader, build_dataset

        lake = str(self.data / "lake")
        dataset = build_dataset({"pipeline": copy.deepcopy(RECIPES[self.load]), "deeplake_path": lake})
        return build_dataloader(
            dataset, self.batch_size, self.threads, shuffle=False, seed=0, loader_type="c++", **self.options
        )

    def images(self, batch: Any) -> Iterable[Any]:
        value = batch[self.key]
        return value if self.key == "images" else value.data[0]  # type: ignore[no-any-return]

    def run(self) -> int:
        if self.anew:
            self.loader.close()
            self.loader = self.made()
            CLOCK.begin()
        samples = 0
        for batch in self.loader:
            CLOCK.batch()
            samples += len(list(self.images(batch)))
        return samples

    def sums(self) -> list[int]:
        self.loader.set_epoch(0)
        return [
            zlib.crc32(np.ascontiguousarray(np.asarray(image))) for batch in self.loader for image in self.images(batch)
        ]


def main() -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    form, load, data, threads, batch_size, folder = sys.argv[1:]
    serve(lambda: Epochs(form, load, Path(data), int(threads), int(batch_size), folder))


if __name__ == "__main__":
    main()
