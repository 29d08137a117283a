"""The contenders of benchmarks/remote.py: each loads a dataset from the place that the command names.

    python benchmarks/remote_contenders.py TASK NAME SETTING

runs one of them for the harness. SETTING is a JSON file: places by name, threads, batch size, and for how many seconds
at most a run goes on: a slow loader's rate is known before its epoch is over. Each run opens the dataset anew, so that
nothing is left in memory from the one before; how long that takes is a figure of its own.

The tasks: "decode" gives whole images (uint8, RGB), "bytes" gives JPEGs as they are stored, "recipe" the batches that
Faster R-CNN trains on.
"""

from __future__ import annotations

import inspect
import json
import sys
import time
import zlib
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from harness import CLOCK, serve
from recipes import RECIPES
from remote_boto3 import boto3_batches
from remote_places import Place

__all__ = ["CONTENDERS", "OURS", "TASKS"]

OURS = "penstock c++"
RECIPE = "b"

#: Opens the dataset at a place, gives nothing once it is open, then an epoch's batches, each a sequence of samples.
Batches = Generator[Sequence[Any], None, None]
Opens = Callable[[Place, dict[str, Any]], Batches]


def penstock_images(decode: str, shuffle: bool | str = False, cached: bool = False) -> Opens:
    """Penstock's loader; of a dataset that a run before has put into a cache on the disk, if ``cached``."""
    import penstock

    def batches(place: Place, setting: dict[str, Any]) -> Batches:
        options = {"cache_dir": setting["cache_dir"], "cache_size": 4 << 30} if cached else {}
        source = penstock.open(place.lake, creds=place.creds, network=_network(place))
        with penstock.DataLoader(
            source,
            setting["batch_size"],
            shuffle,
            loader_type="c++",
            tensors=["images"],
            decode={"images": decode},
            num_threads=setting["threads"],
            seed=0,
            **options,
        ) as loader:
            yield ()
            try:
                for batch in loader:
                    yield batch["images"]
            finally:
                _note(loader.stats())

    return batches


def _note(stats: dict[str, float]) -> None:
    """Which requests were the core's own, and how many of them it made a second time."""
    CLOCK.figures |= {f"core_{name}": stats.get(name, 0) for name in ("requests", "retries", "hedges")}


def _knows_caches() -> bool:
    import penstock

    return "cache_dir" in inspect.signature(penstock.DataLoader).parameters


def _network(place: Place) -> Any:
    from penstock import NetworkOptions

    return None if place.certificate is None else NetworkOptions(ca_file=place.certificate)


def deeplake_images(decode: str, shuffle: bool = False) -> Opens:
    """Deep Lake's own loader for torch, without worker processes."""
    import deeplake

    def batches(place: Place, setting: dict[str, Any]) -> Batches:
        dataset = deeplake.load(place.lake, creds=place.creds, read_only=True, verbose=False)
        loader = dataset.pytorch(
            tensors=["images"],
            decode_method={"images": decode},
            num_workers=0,
            batch_size=setting["batch_size"],
            shuffle=shuffle,
            collate_fn=_images,
        )
        yield ()
        yield from loader

    return batches


def _images(samples: list[Any]) -> list[Any]:
    return [sample["images"] for sample in samples]


def penstock_recipe(shuffle: bool = False) -> Opens:
    """Penstock behind MMDetection's interface."""
    from penstock.integrations.mmdet import build_dataloader, build_dataset

    def batches(place: Place, setting: dict[str, Any]) -> Batches:
        credentials = {} if place.creds is None else {"deeplake_credentials": {"creds": place.creds}}
        dataset = build_dataset(
            {"pipeline": RECIPES[RECIPE], "deeplake_path": place.lake, "filter_empty_gt": True, **credentials}
        )
        with closing(
            build_dataloader(
                dataset, setting["batch_size"], setting["threads"], shuffle=shuffle, seed=0, loader_type="c++"
            )
        ) as loader:
            yield ()
            try:
                for batch in loader:
                    yield batch["img"].data[0]
            finally:
                _note(loader.stats())

    return batches


def deeplake_recipe() -> Opens:
    """Deep Lake's MMDetection integration with its Python loader, which does not survive workers here."""
    import deeplake
    from deeplake.integrations.mmdet.mmdet_ import build_dataloader

    def batches(place: Place, setting: dict[str, Any]) -> Batches:
        dataset = deeplake.load(place.lake, creds=place.creds, read_only=True, verbose=False)
        loader = build_dataloader(
            dataset,
            "images",
            None,
            "boxes",
            "categories",
            implementation="python",
            pipeline=RECIPES[RECIPE],
            mode="train",
            num_workers=0,
            batch_size=setting["batch_size"],
            shuffle=False,
            metrics_format="COCO",
            dist=False,
            num_gpus=1,
        )
        yield ()
        for batch in loader:
            yield batch["img"].data[0]

    return batches


#: Made when the one is chosen: each imports what it needs.
CONTENDERS: dict[str, dict[str, Callable[[], Opens]]] = {
    "decode": {
        OURS: lambda: penstock_images("numpy"),
        f'{OURS}, shuffle="chunk"': lambda: penstock_images("numpy", "chunk"),
        f'{OURS}, shuffle="full"': lambda: penstock_images("numpy", "full"),
        "deeplake python": lambda: deeplake_images("numpy"),
        "deeplake python, shuffled": lambda: deeplake_images("numpy", shuffle=True),
        "boto3, 32 threads": lambda: lambda place, setting: boto3_batches(place, setting, decode=True),
    },
    "recipe": {
        OURS: penstock_recipe,
        f"{OURS}, shuffled": lambda: penstock_recipe(shuffle=True),
        "deeplake integration": deeplake_recipe,
    },
    "bytes": {
        OURS: lambda: penstock_images("bytes"),
        "deeplake python": lambda: deeplake_images("tobytes"),
        "boto3, 32 threads": lambda: lambda place, setting: boto3_batches(place, setting, decode=False),
    },
}
if _knows_caches():
    CONTENDERS["decode"][f"{OURS}, second epoch, cache_dir"] = lambda: penstock_images("numpy", cached=True)
TASKS = tuple(CONTENDERS)


class Loaded:
    """A contender with its setting."""

    def __init__(self, opens: Opens, setting: dict[str, Any]) -> None:
        self._opens = opens
        self._setting = setting
        self._places = {name: Place(**place) for name, place in setting["places"].items()}

    def run(self, place: str) -> int:
        samples, size = 0, 0
        with closing(self._opens(self._places[place], self._setting)) as batches:
            next(batches)
            opened = time.perf_counter() - CLOCK.start
            CLOCK.begin()
            for batch in batches:
                CLOCK.batch()
                samples += len(batch)
                size += sum(len(sample) for sample in batch if isinstance(sample, bytes))
                if time.perf_counter() - CLOCK.start > self._setting["seconds"]:
                    break
            CLOCK.figures |= {"open_seconds": opened, "sample_bytes": size}
            # Closing is no part of loading.
            CLOCK.end()
        return samples

    def sums(self, place: str) -> list[float]:
        """Of the first ``check`` samples: of images as stored their CRC-32, of a recipe's their means."""
        with closing(self._opens(self._places[place], self._setting)) as batches:
            images = (image for batch in batches for image in batch)
            return [_sum(image) for image in islice(images, self._setting["check"])]


def _sum(image: Any) -> float:
    if isinstance(image, bytes):
        return zlib.crc32(image)
    array = np.asarray(image)
    return zlib.crc32(np.ascontiguousarray(array)) if array.dtype == np.uint8 else float(array.mean(dtype=np.float64))


def main() -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    task, name, setting = sys.argv[1:]
    serve(lambda: Loaded(CONTENDERS[task][name](), json.loads(Path(setting).read_text())))


if __name__ == "__main__":
    main()
