"""The loaders that benchmarks/reliability.py compares, all over the same images, each as one would use it.

A batch has the index of each sample, and a random number that its transform drew with numpy.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["BUGGER_OFF"] = "true"

import numpy as np
import torch
import torch.utils.data

__all__ = ["CONTENDERS", "SILENT", "STALL", "close", "draws", "indices", "make"]

CONTENDERS = (
    "penstock c++",
    "penstock c++, workers",
    "penstock python",
    "torch",
    "torchdata",
    "deeplake",
    "no loader",
)
WORKERS = 2
BATCHES = {"numbers": 64}
BATCH = 8
#: The first sample whose read does not return, where a FIFO stands in place of a file, and where a server is silent:
#: Penstock reads so far ahead, and requests that stall can come before those that are needed sooner.
STALL, SILENT = 24, 64


class Files(torch.utils.data.Dataset[Any]):
    """JPEG files of a folder, by number."""

    def __init__(self, folder: Path) -> None:
        self.files = sorted(folder.glob("*.jpg"))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> dict[str, Any]:
        from PIL import Image

        # Read as a whole first: Pillow would seek, which a FIFO cannot.
        image = np.asarray(Image.open(io.BytesIO(self.files[index].read_bytes())).convert("RGB"))
        return {"image": image, "index": index, "draw": np.random.randint(2**31)}


class Numbers(torch.utils.data.Dataset[Any]):
    """Many small samples."""

    def __init__(self, file: Path) -> None:
        self.numbers = np.load(file)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"number": self.numbers[index], "index": index, "draw": np.random.randint(2**31)}


def look(sample: dict[str, Any]) -> dict[str, Any]:
    """The transform of Penstock's loaders."""
    return {**sample, "draw": np.array(np.random.randint(2**31)), "index": np.array(sample["index"])}


def look_in_deeplake(sample: dict[str, Any]) -> dict[str, Any]:
    """The same for Deep Lake, whose samples have an index of one element."""
    return {**sample, "draw": np.random.randint(2**31), "index": int(np.asarray(sample["index"]).reshape(-1)[0])}


def make(name: str, data: Path, kind: str = "images", *, shuffle: bool = True, **options: Any) -> Any:
    """A loader.

    Args:
        name: One of CONTENDERS. "no loader" is a list: how long a program's end takes by itself.
        data: What benchmarks/reliability.py wrote.
        kind: "images", "numbers" (many small samples), "bad" (three images are damaged), "stalled" (reads of most of
            the images never return).
        shuffle: Stalled data are read in order.
        options: Of Penstock's loader.
    """
    tensors = ["number"] if kind == "numbers" else ["image"]
    shuffle = shuffle and kind != "stalled"
    batch = BATCHES.get(kind, BATCH)
    if name == "no loader":
        return [{}] * 3
    if name.startswith("penstock"):
        return _penstock(name, data, kind, tensors, shuffle, options)
    if name == "deeplake":
        import deeplake

        dataset = deeplake.load(str(data / kind / "lake"), read_only=True, verbose=False)
        return dataset.pytorch(
            tensors=tensors,
            transform=look_in_deeplake,
            batch_size=batch,
            shuffle=shuffle,
            num_workers=WORKERS,
            return_index=True,
        )
    loader: Callable[..., Any] = torch.utils.data.DataLoader
    if name == "torchdata":
        from torchdata.stateful_dataloader import StatefulDataLoader as loader
    samples = Numbers(data / kind / "numbers.npy") if kind == "numbers" else Files(data / kind / "files")
    return loader(samples, batch, shuffle=shuffle, num_workers=WORKERS, generator=torch.Generator().manual_seed(0))


def _penstock(
    name: str, data: Path, kind: str, tensors: list[str], shuffle: bool, options: dict[str, Any]
) -> Any:
    import penstock

    source: Any = data / kind / "lake"
    network: dict[str, Any] = {}
    if kind == "stalled":
        # A FIFO in place of a chunk is refused as what it is. Here a server has fallen silent, and nobody gives it up.
        source = (data / kind / "url").read_text() + "lake"
        network["network"] = penstock.NetworkOptions(stall_seconds=600, deadline_seconds=600)
    return penstock.DataLoader(
        source,
        BATCHES.get(kind, BATCH),
        shuffle,
        loader_type="python" if "python" in name else "c++",
        tensors=tensors,
        transform=look,
        return_index=True,
        seed=0,
        num_threads=WORKERS,
        num_workers=0 if name == "penstock c++" else WORKERS,
        **network,
        **options,
    )


def indices(batch: Any) -> list[int]:
    return [int(index) for index in batch["index"]]


def draws(batch: Any) -> list[int]:
    return [int(draw) for draw in batch["draw"]]


def close(loader: Any) -> None:
    """Ends what has an end."""
    if hasattr(loader, "close"):
        loader.close()


def batches(loader: Any, count: int) -> Iterator[Any]:
    """So many batches, of as many epochs as it takes, with a pause after each for the next ones to be made."""
    done = 0
    while done < count:
        for batch in loader:
            yield batch
            done += 1
            if done == count:
                return
            time.sleep(0.001)
