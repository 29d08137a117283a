"""Loaders that others build of ``loader.dataset``, ``loader.batch_sampler`` and ``loader.collate_fn``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data

import penstock
from support.same import assert_same

Lake = Callable[[str], Path]

TYPES = pytest.mark.parametrize("loader_type", ["c++", "python"])


def make(path: Path, loader_type: str, **arguments: Any) -> penstock.DataLoader:
    settings: dict[str, Any] = {"batch_size": 5, "shuffle": True, "tensors": ["equal/raw"], "return_index": True}
    return penstock.DataLoader(path, loader_type=loader_type, **(settings | {"seed": 3} | arguments))


def torchs(loader: penstock.DataLoader, batches: Any = None, **arguments: Any) -> torch.utils.data.DataLoader[Any]:
    """torch's own loader of the parts of ours, as Accelerate builds it."""
    return torch.utils.data.DataLoader(
        loader.dataset, batch_sampler=batches or loader.batch_sampler, collate_fn=loader.collate_fn, **arguments
    )


class Shard:
    """Every n-th batch, or a part of each batch: how Accelerate shares out."""

    def __init__(self, batches: Any, rank: int, ranks: int, *, split: bool = False) -> None:
        self.batches, self.rank, self.ranks, self.split = batches, rank, ranks, split
        self.batch_size, self.drop_last = batches.batch_size, batches.drop_last

    def __iter__(self) -> Iterator[list[int]]:
        for number, batch in enumerate(self.batches):
            if self.split:
                size = -(-len(batch) // self.ranks)
                yield batch[self.rank * size : (self.rank + 1) * size]
            elif number % self.ranks == self.rank:
                yield batch


def indices(batches: Any) -> list[int]:
    return [index for batch in batches for index in batch["index"].tolist()]


def noisy(sample: dict[str, Any]) -> dict[str, Any]:
    return {"noise": np.random.random(), "index": sample["index"]}


@TYPES
@pytest.mark.parametrize("shuffle", [False, "full", "chunk"])
def test_torchs_own_loader_gives_the_same_batches(loader_type: str, shuffle: Any, lake: Lake, native: Any) -> None:
    loader = make(lake("many_chunks"), loader_type, shuffle=shuffle)
    expected = [list(loader) for _ in range(2)]
    theirs = make(lake("many_chunks"), loader_type, shuffle=shuffle)
    rebuilt = torchs(theirs)
    for epoch in range(2):
        assert_same(list(rebuilt), expected[epoch])
    if loader_type == "c++":
        assert theirs.stats()["samples"] == 2 * len(theirs.dataset)


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("ranks", [2, 3])
def test_shares_that_somebody_else_makes(ranks: int, split: bool, lake: Lake, native: Any) -> None:
    seen: list[int] = []
    for rank in range(ranks):
        loader = make(lake("many_chunks"), "c++")
        shard = Shard(loader.batch_sampler, rank, ranks, split=split)
        seen += indices(torchs(loader, shard))
        # The core ran ahead along this rank's batches: it was not begun anew for each.
        assert loader.stats()["batches"] <= len(list(Shard(loader.batch_sampler, rank, ranks, split=split))) + 2
    assert sorted(seen) == list(range(len(make(lake("many_chunks"), "c++").dataset)))


def test_a_share_that_was_given_by_hand_is_kept(lake: Lake, native: Any) -> None:
    own = [make(lake("many_chunks"), "c++", rank=rank, world_size=2) for rank in range(2)]
    assert [indices(torchs(loader)) for loader in own] == [
        indices(make(lake("many_chunks"), "c++", rank=rank, world_size=2)) for rank in range(2)
    ]


@TYPES
def test_random_numbers_change_from_epoch_to_epoch(loader_type: str, lake: Lake, native: Any) -> None:
    loader = make(lake("many_chunks"), loader_type, transform=noisy)
    rebuilt = torchs(make(lake("many_chunks"), loader_type, transform=noisy))

    def noise(batches: Any) -> dict[int, float]:
        return {
            int(index): float(value)
            for batch in batches
            for index, value in zip(batch["index"], batch["noise"], strict=True)
        }

    expected = [noise(loader) for _ in range(3)]
    assert [noise(rebuilt) for _ in range(3)] == expected
    assert all(expected[0][index] != expected[1][index] for index in expected[0])


@TYPES
def test_a_sampler_that_knows_nothing_gets_other_numbers_each_time(loader_type: str, lake: Lake, native: Any) -> None:
    loader = make(lake("many_chunks"), loader_type, transform=noisy)
    plain = torch.utils.data.DataLoader(loader.dataset, batch_size=5, collate_fn=loader.collate_fn)
    first, second = (
        {index: value for b in plain for index, value in zip(indices([b]), b["noise"].tolist(), strict=True)}
        for _ in range(2)
    )
    assert all(first[index] != second[index] for index in first)
    assert sorted(first) == list(range(len(loader.dataset)))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes_run_the_core_too(method: str, lake: Lake, native: Any) -> None:
    expected = list(make(lake("many_chunks"), "c++"))
    rebuilt = torchs(make(lake("many_chunks"), "c++"), num_workers=2, multiprocessing_context=method)
    assert_same(list(rebuilt), expected)


def test_another_collate_fn_gets_samples(lake: Lake, native: Any) -> None:
    loader = make(lake("equal_images"), "c++", tensors=None, shuffle=False)
    rebuilt = torch.utils.data.DataLoader(loader.dataset, batch_size=3, collate_fn=list)
    (first, *_) = rebuilt
    assert isinstance(first, list) and len(first) == 3
    assert_same(first, [loader.dataset[index] for index in range(3)])


@TYPES
def test_images_of_different_sizes_are_a_list(loader_type: str, lake: Lake, native: Any) -> None:
    loader = penstock.DataLoader(lake("jpeg_images"), 4, loader_type=loader_type)
    assert_same(list(torchs(loader)), list(loader))


@TYPES
def test_it_can_be_made_anew_of_its_attributes(loader_type: str, lake: Lake, native: Any) -> None:
    """As Lightning does it: of the public attributes that are arguments, with another sampler."""
    loader = make(lake("many_chunks"), loader_type, transform=noisy, num_threads=1, prefetch_factor=3)
    parameters = inspect.signature(penstock.DataLoader.__init__).parameters
    attributes = {name: value for name, value in vars(loader).items() if not name.startswith("_")}
    attributes["multiprocessing_context"] = loader.multiprocessing_context
    given = {
        name: attributes[name]
        for name, parameter in parameters.items()
        if name in attributes and parameter.default is not attributes[name]
    }
    order = torch.utils.data.SequentialSampler(range(7))
    again = penstock.DataLoader(**(given | {"sampler": order, "shuffle": False, "batch_sampler": None}))
    assert again.loader_type == loader.loader_type
    assert (again.options.num_threads, again.options.prefetch_factor) == (1, 3)
    batches = list(again)
    assert indices(batches) == list(range(7))
    loader.set_epoch(0)
    known = {i: v for b in loader for i, v in zip(indices([b]), b["noise"].tolist(), strict=True)}
    assert [known[i] for i in range(7)] == [v for b in batches for v in b["noise"].tolist()]


@TYPES
def test_samples_of_another_loader_have_their_tensors(loader_type: str, lake: Lake, native: Any) -> None:
    loader = make(lake("many_chunks"), loader_type)
    with pytest.raises(penstock.errors.ConfigError, match="have their transform already"):
        penstock.DataLoader(loader.dataset, transform=noisy)


def test_attributes_say_what_was_given(lake: Lake, native: Any) -> None:
    loader = make(
        lake("many_chunks"),
        "c++",
        num_workers=2,
        prefetch_factor=3,
        timeout=5,
        persistent_workers=True,
        multiprocessing_context="spawn",
        drop_last=True,
    )
    assert (loader.num_workers, loader.prefetch_factor, loader.timeout) == (2, 3, 5)
    assert loader.persistent_workers and loader.multiprocessing_context.get_start_method() == "spawn"
    assert (loader.batch_size, loader.drop_last, loader.pin_memory, loader.in_order) == (5, True, False, True)
    loader.close()


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"persistent_workers": True}, ValueError),
        ({"multiprocessing_context": "fork"}, ValueError),
        ({"multiprocessing_context": object(), "num_workers": 1}, TypeError),
        ({"batch_size": None, "drop_last": True}, ValueError),
        ({"in_order": 1}, TypeError),
        ({"pin_memory_device": 0}, TypeError),
    ],
)
@TYPES
def test_what_torch_refuses(
    arguments: dict[str, Any], kind: type[Exception], loader_type: str, lake: Lake, native: Any
) -> None:
    with pytest.raises(kind):
        make(lake("many_chunks"), loader_type, **arguments)
