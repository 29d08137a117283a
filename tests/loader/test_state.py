"""A loader goes on where another one stopped: with other ranks, batches, threads and loader types too."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import BatchSampler, RandomSampler, SubsetRandomSampler, WeightedRandomSampler

import penstock
from penstock import errors
from penstock.loading.chunk_order import Chunks
from penstock.loading.chunk_sampler import ChunkSampler
from penstock.loading.sampling import EpochSampler
from penstock.loading.stages import Stages, after, taken
from support.examples import examples

Lake = Callable[[str], Path]

SHUFFLES = pytest.mark.parametrize("shuffle", [False, "full", "chunk"])


def make(path: Path, loader_type: str, **arguments: Any) -> penstock.DataLoader:
    settings: dict[str, Any] = {"batch_size": 5, "shuffle": True, "tensors": ["equal/raw"], "return_index": True}
    return penstock.DataLoader(path, loader_type=loader_type, **(settings | arguments))


def indices(batches: Any) -> list[list[int]]:
    return [batch["index"].tolist() for batch in batches]


def flat(batches: Any) -> list[int]:
    return [index for batch in indices(batches) for index in batch]


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("stop", [0, 1, 7, 11, 12])
def test_it_resumes_with_the_next_batch(stop: int, loader_type: str, lake: Lake, native: Any) -> None:
    path = lake("many_chunks")
    straight = make(path, loader_type, seed=3)
    expected = [indices(straight) for _ in range(3)]
    stopped = make(path, loader_type, seed=3)
    list(stopped)
    iterator = iter(stopped)
    for _ in range(stop):
        next(iterator)
    state = stopped.state_dict()
    other = "python" if loader_type == "c++" else "c++"
    resumed = make(path, other, num_threads=1)  # no seed: the state brings it
    resumed.load_state_dict(json.loads(json.dumps(state)))
    rest = indices(resumed)
    if stop == 0:
        assert rest == expected[1]  # nothing had begun: the state is between the epochs
    elif stop == 12:
        assert rest == expected[2]
    else:
        assert rest == expected[1][stop:]
        assert indices(resumed) == expected[2]


@SHUFFLES
@pytest.mark.parametrize("ranks", [(1, 1), (2, 2), (2, 3), (3, 1), (1, 4), (4, 2)])
@pytest.mark.parametrize("sizes", [(5, 5), (4, 7)])
def test_the_rest_is_what_nobody_has_seen(
    sizes: tuple[int, int], ranks: tuple[int, int], shuffle: Any, lake: Lake, native: Any
) -> None:
    path = lake("many_chunks")
    before, now = ranks

    def loaders(count: int, batch_size: int) -> list[penstock.DataLoader]:
        return [
            make(path, "c++", seed=3, shuffle=shuffle, rank=rank, world_size=count, batch_size=batch_size)
            for rank in range(count)
        ]

    seen, states = [], []
    for loader in loaders(before, sizes[0]):
        iterator = iter(loader)
        seen += flat(next(iterator) for _ in range(2))
        states.append(loader.state_dict())
    assert all(state == states[0] for state in states)  # the same on every rank
    rest = []
    lengths = set()
    for loader in loaders(now, sizes[1]):
        loader.load_state_dict(states[0])
        rest.append(flat(loader))
        lengths.add(len(rest[-1]))
        assert sorted(flat(loader)) == sorted(flat(loader)) or now > 1  # the next epochs are whole
    assert len(lengths) == 1  # ranks stay in step
    together = [index for own in rest for index in own]
    left = set(range(60)) - set(seen)
    assert set(together) >= left
    # What comes twice fills up the last ranks.
    assert len(together) - len(left) < now


@given(
    st.integers(1, 60),
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 9)), max_size=4),
    st.integers(1, 5),
    st.booleans(),
    st.sampled_from(["none", "full", "chunk"]),
)
@examples()
def test_every_sample_comes_whatever_ranks_come_and_go(
    length: int, turns: list[tuple[int, int]], last: int, drop_last: bool, mode: str
) -> None:
    place = [0, 1]

    def world() -> tuple[int, int]:
        return place[0], place[1]

    sampler: EpochSampler
    if mode == "chunk":
        chunks = Chunks.of(torch.arange(length).div(4, rounding_mode="floor").numpy())
        sampler = ChunkSampler(chunks, 2, seed=lambda: 1, world=world, drop_last=drop_last)
    else:
        sampler = EpochSampler(length, shuffle=mode == "full", seed=lambda: 1, world=world, drop_last=drop_last)
    done: Stages = ()
    seen: set[int] = set()
    for ranks, wanted in [*turns, (last, length + 5)]:
        place[1] = ranks
        orders = []
        for rank in range(ranks):
            place[0] = rank
            orders.append(sampler.order(done).tolist())
        assert {len(order) for order in orders} == {sampler.left(done)}
        if not drop_last:
            left = set(range(length)) - seen
            assert set().union(*orders) >= left
            assert sum(map(len, orders)) - len(left) < ranks
        each = min(wanted, len(orders[0]))
        for order in orders:
            seen.update(order[:each])
        before = taken(done)
        done = after(done, ranks, each)
        assert taken(done) == before + ranks * each
    assert drop_last or seen == set(range(length))


def test_set_epoch_of_the_same_epoch_keeps_the_state(lake: Lake, native: Any) -> None:
    path = lake("many_chunks")
    loader = make(path, "c++", seed=3)
    iterator = iter(loader)
    next(iterator)
    state, rest = loader.state_dict(), indices(iterator)
    same, other = make(path, "c++", seed=3), make(path, "c++", seed=3)
    for resumed, epoch in ((same, 0), (other, 1)):
        resumed.load_state_dict(state)
        resumed.set_epoch(epoch)
    assert indices(same) == rest
    assert indices(other) == indices(loader)


def test_resuming_takes_no_time_that_grows(lake: Lake, native: Any) -> None:
    sampler = EpochSampler(10_000_000, shuffle=False, seed=lambda: 1)
    start = time.process_time()
    for share in (0.1, 0.5, 0.99):
        sampler.left(after((), 1, int(10_000_000 * share)))
    assert time.process_time() - start < 0.1


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("epoch", [0, 1])
@pytest.mark.parametrize("own_generator", [False, True])
@pytest.mark.parametrize("seed", [None, 1])
@pytest.mark.parametrize("kind", ["random", "replacement", "weighted", "subset", "batches"])
def test_torchs_samplers_are_brought_back(
    kind: str, seed: int | None, own_generator: bool, epoch: int, loader_type: str, lake: Lake, native: Any
) -> None:
    def one() -> penstock.DataLoader:
        torch.manual_seed(7)
        generator = torch.Generator().manual_seed(9) if own_generator else None
        sampler: Any = {
            "random": lambda: RandomSampler(range(60), generator=generator),
            "replacement": lambda: RandomSampler(range(60), True, 70, generator=generator),
            "weighted": lambda: WeightedRandomSampler([1.0] * 60, 60, generator=generator),
            "subset": lambda: SubsetRandomSampler(range(50), generator=generator),
            "batches": lambda: BatchSampler(RandomSampler(range(60), generator=generator), 6, False),
        }[kind]()
        arguments = {"batch_sampler": sampler} if kind == "batches" else {"batch_size": 5, "sampler": sampler}
        return penstock.DataLoader(
            lake("many_chunks"),
            tensors=["equal/raw"],
            return_index=True,
            loader_type=loader_type,
            seed=seed,
            **arguments,
        )

    first = one()
    for _ in range(epoch):
        list(first)
    iterator = iter(first)
    for _ in range(4):
        next(iterator)
    state = json.loads(json.dumps(first.state_dict()))
    rest = indices(iterator)
    second = one()
    before = torch.get_rng_state()
    second.load_state_dict(state)
    assert torch.equal(before, torch.get_rng_state())
    assert indices(second) == rest


class Stateful(RandomSampler):
    """Counts what it has given over all epochs, and orders by that."""

    def __init__(self) -> None:
        super().__init__(range(60))
        self.turn = 0

    def __iter__(self) -> Any:
        self.turn += 1
        return iter([(index * 7 + self.turn) % 60 for index in range(60)])

    def state_dict(self) -> dict[str, int]:
        return {"turn": self.turn}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.turn = state["turn"]


def test_a_samplers_own_state_is_kept(lake: Lake, native: Any) -> None:
    first = make(lake("many_chunks"), "c++", shuffle=False, sampler=Stateful())
    list(first)
    iterator = iter(first)
    next(iterator)
    state, rest = first.state_dict(), indices(iterator)
    second = make(lake("many_chunks"), "c++", shuffle=False, sampler=Stateful())
    second.load_state_dict(json.loads(json.dumps(state)))
    assert indices(second) == rest


def test_no_draw_that_torch_would_not_make(lake: Lake, native: Any) -> None:
    torch.manual_seed(4)
    before = torch.get_rng_state()
    loader = make(lake("many_chunks"), "c++")
    state = loader.state_dict()
    loader.load_state_dict(state)
    assert state["seed"] is None and torch.equal(before, torch.get_rng_state())
    torch.manual_seed(4)
    list(make(lake("many_chunks"), "c++", shuffle=False))
    after_ours = torch.get_rng_state()
    torch.manual_seed(4)
    list(torch.utils.data.DataLoader(range(60)))  # type: ignore[arg-type]
    assert torch.equal(after_ours, torch.get_rng_state())


def test_a_state_of_something_else_is_refused(lake: Lake, native: Any) -> None:
    path = lake("many_chunks")
    loader = make(path, "c++")
    state = loader.state_dict()
    with pytest.raises(errors.ConfigError, match=r"its dataset is '.*', this loader's is '.*'"):
        penstock.DataLoader(lake("equal_images"), 5, True).load_state_dict(state)
    with pytest.raises(errors.ConfigError, match="its order is 'full', this loader's is 'none'"):
        make(path, "c++", shuffle=False).load_state_dict(state)
    with pytest.raises(errors.ConfigError, match="its order is 'full', this loader's is 'chunk, window 16'"):
        make(path, "c++", shuffle="chunk").load_state_dict(state)
    with pytest.raises(errors.ConfigError, match=r"its pipeline is '.*', this loader's is '.*'"):
        make(path, "c++", transform=dict).load_state_dict(state)
    own = {"shuffle": False, "sampler": range(60), "world_size": 2}
    shared = [make(path, "c++", rank=rank, **own) for rank in range(2)]
    next(iter(shared[0]))
    with pytest.raises(errors.ConfigError, match="its world size is 2, this loader's is 1"):
        make(path, "c++", shuffle=False, sampler=range(60)).load_state_dict(shared[0].state_dict())


@pytest.mark.parametrize(
    "damage",
    [
        {"batch": -1},
        {"batch": "3"},
        {"epoch": None},
        {"epoch": 2**63},
        {"seed": -1},
        {"seed": 1.5},
        {"done": [[1, 61]]},
        {"done": [[0, 5]]},
        {"done": [[1]]},
        {"done": [1]},
        {"done": 7},
        {"dataset": 3},
        {"version": 2},
        {"sampler": 5},
    ],
)
@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_a_damaged_state_is_refused(damage: dict[str, Any], loader_type: str, lake: Lake, native: Any) -> None:
    loader = make(lake("many_chunks"), loader_type)
    state = loader.state_dict()
    with pytest.raises(errors.ConfigError, match=r"damaged|version|dataset"):
        loader.load_state_dict(state | damage)
    for key in state:
        if key not in ("sampler", "seed"):
            with pytest.raises(errors.ConfigError):
                loader.load_state_dict({name: value for name, value in state.items() if name != key})
    with pytest.raises(errors.ConfigError, match="a state is a dict"):
        loader.load_state_dict(None)  # type: ignore[arg-type]
    assert len(indices(loader)) == 12  # nothing has changed
