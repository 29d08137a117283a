"""Small datasets for the tests of Deep Lake's chain, and what these tests do with batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import default_collate

from support.lake import new_lake

__all__ = [
    *("as_list", "double", "equal", "growing", "identity", "index_and_xyz", "listed", "reordered", "rotated"),
    *("numbers_of_a_rank", "squares", "two_of", "write"),
]


def write(path: Path, **tensors: tuple[dict[str, Any], Any]) -> Path:
    """A dataset with these tensors, each given as (arguments of ``create_tensor``, samples). ``__`` in a name stands
    for the slash of a group.
    """
    with new_lake(path) as lake:
        for name, (arguments, samples) in tensors.items():
            full = name.replace("__", "/")
            lake.create_tensor(full, **arguments)
            lake[full].extend(samples)
    return path


def growing(count: int = 16) -> tuple[dict[str, Any], list[Any]]:
    """Squares that grow by a row each, filled with their number; several chunks of them."""
    return {"max_chunk_size": 5000}, [number * np.ones((number + 1, number + 1)) for number in range(count)]


def equal(count: int = 16) -> tuple[dict[str, Any], Any]:
    """Squares of one size, filled with their number."""
    return {"max_chunk_size": 5000}, np.array([number * np.ones((12, 12)) for number in range(count)])


def squares(count: int = 8) -> tuple[dict[str, Any], list[Any]]:
    """Squares of four numbers, which are their index."""
    return {}, [number * np.ones((2, 2)) for number in range(count)]


def double(value: Any) -> Any:
    return value * 2


def identity(value: Any) -> Any:
    return value


def as_list(batch: list[Any]) -> list[Any]:
    return batch


def two_of(sample: Any, first: str, second: str) -> tuple[Any, Any]:
    return sample[first], sample[second]


def index_and_xyz(sample: Any) -> tuple[Any, Any]:
    return sample["index"], sample["xyz"]


def reordered(batch: list[Any]) -> Any:
    return default_collate([((sample["a"], sample["b"]), sample["c"]) for sample in batch])


def listed(sample: Any) -> list[Any]:
    return [sample["a"], sample["b"], sample["c"]]


def rotated(batch: list[Any]) -> Any:
    return default_collate([(c, a, b) for a, b, c in batch])


def numbers_of_a_rank(path: str, loader_type: str) -> dict[str, Any]:
    """The numbers that the samples of ``image`` are filled with, in the batches of several chains."""
    import penstock

    def numbers(chain: Any) -> list[int]:
        return [int(image[0, 0]) for batch in chain for image in batch["image"]]

    begun = penstock.dataloader(path, loader_type=loader_type, seed=1)
    shared = begun.batch(2).pytorch(distributed=True)
    shuffled = begun.shuffle().batch(4, drop_last=True).pytorch(distributed=True)
    alone = begun.pytorch()
    weights = [0, 0, 0, 1, 1] + [0] * 20
    return {
        "shared": numbers(shared),
        "shuffled": numbers(shuffled),
        "lengths": [len(shared), len(shuffled), len(alone)],
        "alone": numbers(alone),
        "drawn": numbers(begun.sample_by(weights, size=10).pytorch(distributed=True)),
    }
