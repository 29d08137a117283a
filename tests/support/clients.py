"""What the tests of frameworks load, what they look at in the batches that a framework hands on, and what those
batches have to be.

Nothing here needs a framework or deeplake. ``tests/data/frameworks/write.py`` wrote the dataset.
"""

from __future__ import annotations

import contextlib
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import penstock
from support.require import PROJECT_ROOT

__all__ = [
    "BATCH",
    "Batches",
    "Run",
    "Sample",
    "by_index",
    "check_core",
    "check_each_once",
    "check_epochs_differ",
    "core_threads",
    "dataset",
    "make",
    "own_epochs",
    "samples_of",
    "unpack",
]

#: Samples in a batch: of 100 samples, the last one has four.
BATCH = 8

#: Index, number, what the transform drew, CRC-32 of the image.
Sample = tuple[int, int, int, int]
Batches = list[list[Sample]]


def unpack(folder: Path) -> Path:
    """Unpacks the dataset into a new folder."""
    with tarfile.open(PROJECT_ROOT / "tests" / "data" / "frameworks" / "dataset.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def dataset(path: Path, samples: int = 100) -> penstock.Dataset:
    """The first 100 samples, or all 101."""
    return penstock.open(path, view="hundred" if samples == 100 else None)


def look(sample: dict[str, Any]) -> dict[str, Any]:
    """The transform: adds a random number, and how many decoding threads of the core this process has."""
    return {
        "index": np.array(sample["index"]),
        "number": sample["number"],
        "image": sample["image"],
        "draw": np.array(np.random.randint(2**31)),
        "core": np.array(core_threads()),
    }


def core_threads() -> int:
    """How many decoding threads of the core this process has."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            names.append((task / "comm").read_text())
    return sum(name.startswith("penstock-dec") for name in names)


def make(path: Path, *, samples: int = 100, **arguments: Any) -> penstock.DataLoader:
    """A loader of the dataset with :func:`look`; shuffled, with a seed, unless ``arguments`` say otherwise."""
    settings: dict[str, Any] = {
        "batch_size": BATCH,
        "shuffle": True,
        "seed": 3,
        "loader_type": "c++",
        "tensors": ["number", "image"],
        "transform": look,
        "return_index": True,
        "num_threads": 1,
    }
    return penstock.DataLoader(dataset(path, samples), **(settings | arguments))


def samples_of(batch: dict[str, Any]) -> list[Sample]:
    """The samples of a batch of :func:`make`'s loader."""
    images = [zlib.crc32(image.numpy().tobytes()) for image in batch["image"]]
    columns = (batch[key].reshape(-1).tolist() for key in ("index", "number", "draw"))
    return list(zip(*columns, images, strict=True))


@dataclass
class Run:
    """What one process was given.

    Attributes:
        epochs: The batches of each epoch.
        in_core: How many of the batches were made in a process in which the core has decoding threads.
        stats: What the loader says of itself in the process that iterates, where it was asked.
    """

    epochs: list[Batches] = field(default_factory=list)
    in_core: int = 0
    stats: dict[str, float] = field(default_factory=dict)

    def take(self, batch: dict[str, Any], epoch: int) -> None:
        """Notes a batch of an epoch, counted from 0."""
        while len(self.epochs) <= epoch:
            self.epochs.append([])
        self.epochs[epoch].append(samples_of(batch))
        self.in_core += int(batch["core"].min() > 0)

    def iterate(self, batches: Iterable[Any], epochs: int = 1) -> Run:
        """Notes all batches of some more epochs."""
        begin = len(self.epochs)
        for epoch in range(begin, begin + epochs):
            for batch in batches:
                self.take(batch, epoch)
        return self

    @property
    def batches(self) -> int:
        return sum(len(batches) for batches in self.epochs)


def own_epochs(path: Path, epochs: int = 2, **arguments: Any) -> list[Batches]:
    """The batches that a loader of one's own gives in a plain loop."""
    with make(path, **arguments) as loader:
        return Run().iterate(loader, epochs).epochs


def by_index(batches: Iterable[list[Sample]]) -> dict[int, Sample]:
    """The samples of an epoch by their index."""
    return {sample[0]: sample for batch in batches for sample in batch}


def check_each_once(epoch: Iterable[Batches], samples: int = 100, padding: int = 0) -> None:
    """Checks that the batches of all ranks have each index once, but for as many samples that come again."""
    counts = Counter(sample[0] for batches in epoch for batch in batches for sample in batch)
    assert sorted(counts) == list(range(samples))
    assert sum(counts.values()) == samples + padding


def check_epochs_differ(one: Batches, other: Batches) -> None:
    """Checks that two epochs have other orders and other random numbers."""
    indices = [[[sample[0] for sample in batch] for batch in batches] for batches in (one, other)]
    assert indices[0] != indices[1]
    here, there = by_index(one), by_index(other)
    shared = here.keys() & there.keys()
    assert shared
    assert not [index for index in shared if here[index][2] == there[index][2]]


def check_core(run: Run, stats: Callable[[dict[str, float]], bool] | None = None) -> None:
    """Checks that the core was at work wherever batches were made, and what the loader says of it."""
    assert run.batches > 0
    assert run.in_core == run.batches
    if stats is not None:
        assert stats(run.stats), run.stats
