"""Random histories: whatever is done to a dataset, every commit, branch and view reads as deeplake reads it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import Phase, given
from hypothesis import strategies as st

import penstock
from support.examples import examples
from support.history import addresses, assert_same_dataset
from support.lake import Lake, new_lake, open_lake
from support.views import assert_same_view

# Small chunks, so that a few samples fill several, and later commits share some of them with earlier ones.
KINDS: list[dict[str, Any]] = [
    {"dtype": "int32", "max_chunk_size": 64},
    {"htype": "text", "max_chunk_size": 64},
    {"htype": "bbox", "chunk_compression": "lz4", "max_chunk_size": 200},
    {"htype": "json", "sample_compression": "lz4", "max_chunk_size": 64},
    {"htype": "sequence[class_label]", "max_chunk_size": 64},
    {"htype": "sequence[bbox]", "chunk_compression": "lz4", "max_chunk_size": 200},
    {"dtype": "uint8", "tiling_threshold": 300, "max_chunk_size": 600},
    {"htype": "sequence[generic]", "dtype": "uint8", "tiling_threshold": 300, "max_chunk_size": 600},
]


def value(lake: Lake, name: str, number: int) -> Any:
    """A sample for a tensor, of a size that depends on the number."""
    htype = lake[name].htype
    if htype == "sequence[class_label]":
        return list(range(number, number + number % 4))
    if htype == "sequence[bbox]":
        return [np.full((number % 3, 4), number, dtype=np.float32)] * (number % 4)
    if htype == "sequence[generic]":
        return [piece(number, number % 3 * 9 + 3)] * (number % 3)
    if lake[name].meta.dtype == "uint8":
        return piece(number, number % 5 * 9 + 1)
    if htype == "text":
        return str(number) * (number % 7)
    if htype == "json":
        return {"number": number, "list": [number] * (number % 4)}
    if htype == "bbox":
        return np.full((number % 5, 4), number, dtype=np.float32)
    return np.full((1 + number % 6,), number, dtype=np.int32)


def piece(number: int, side: int) -> np.ndarray[Any, Any]:
    """In tiles from a side of some 18 on."""
    return (np.arange(side * side).reshape(side, side) * (number % 7 + 1)).astype(np.uint8)


def pick(lake: Lake, number: int) -> str | None:
    names = list(lake.tensors)
    return names[number % len(names)] if names else None


def append(lake: Lake, number: int) -> None:
    for name in lake.tensors:
        lake[name].append(value(lake, name, number))


def extend(lake: Lake, number: int) -> None:
    for name in lake.tensors:
        lake[name].extend([value(lake, name, number + more) for more in range(number % 9)])


def update(lake: Lake, number: int) -> None:
    name = pick(lake, number)
    if name is None or not len(lake[name]):
        return
    index, new = number % len(lake[name]), value(lake, name, number // 3)
    engine = lake[name].chunk_engine
    if engine.is_sequence:
        # deeplake gives a sequence other items, and not more or fewer of them.
        begin, end = engine.sequence_encoder[index]
        if end - begin != len(new) or any(item in engine.tile_encoder for item in range(begin, end)):
            return
    # It forgets to write down how the new sample is cut where the old one was in tiles, and cannot read it then.
    elif index in engine.tile_encoder:
        return
    if len(new):
        lake[name][index] = new


def pop(lake: Lake, number: int) -> None:
    name = pick(lake, number)
    if name is not None and len(lake[name]):
        lake[name].pop(number % len(lake[name]))


def create(lake: Lake, number: int) -> None:
    name = f"tensor{number % 12}"
    if name not in lake.tensors:
        lake.create_tensor(name, **KINDS[number % len(KINDS)])
        lake[name].extend([value(lake, name, number + more) for more in range(5)])


def assign_beyond(lake: Lake, number: int) -> None:
    name = pick(lake, number)
    if name is not None and not lake[name].is_sequence:  # which deeplake refuses
        lake[name][len(lake[name]) + number % 3] = value(lake, name, number)


def rename(lake: Lake, number: int) -> None:
    old, new = pick(lake, number), f"tensor{number % 13}"
    if old is not None and new not in lake.tensors:
        lake.rename_tensor(old, new)


def delete(lake: Lake, number: int) -> None:
    name = pick(lake, number)
    if name is not None:
        lake.delete_tensor(name)


def commit(lake: Lake, number: int) -> None:
    lake.commit(str(number), allow_empty=True)


def branch(lake: Lake, number: int) -> None:
    lake.checkout(f"branch{len(lake.branches)}", create=True)


def checkout(lake: Lake, number: int) -> None:
    lake.checkout(lake.branches[number % len(lake.branches)])


def save_view(lake: Lake, number: int) -> None:
    """Rows one by one in any order, or a slice, of what was committed."""
    length = min((len(lake[name]) for name in lake.tensors), default=0)
    if not length:
        return
    lake.commit(f"viewed {number}", allow_empty=True)
    rows = [(number * step) % length for step in (1, 3, 7)]
    chosen = slice(number % length, None, 1 + number % 3) if number % 2 else list(dict.fromkeys(rows))
    lake[chosen].save_view(id=f"view{len(lake.get_views())}")


STEPS: list[Callable[[Lake, int], None]] = [
    *(append, extend, extend, update, update, pop, pop, create, create, rename, delete, assign_beyond),
    *(commit, commit, branch, checkout, checkout),
]


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 999)), min_size=4, max_size=14))
@examples(40)
def test_any_history(deeplake: Any, native: Any, steps: list[tuple[Callable[[Lake, int], None], int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lake"
        with new_lake(path) as lake:
            for number in range(0, len(KINDS), 2):
                create(lake, number)
            for step, number in steps:
                step(lake, number)
        for address in addresses(path):
            assert_same_dataset(path, address)


# Fewer, and a failure is not made smaller: deeplake takes half a second to save a view and load it again.
@given(
    st.lists(st.tuples(st.sampled_from([*STEPS, *[save_view] * 4]), st.integers(0, 999)), min_size=3, max_size=8),
    st.integers(0, 999),
)
@examples(12, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_any_view(deeplake: Any, native: Any, steps: list[tuple[Callable[[Lake, int], None], int]], last: int) -> None:
    """Views of whatever was committed, also of commits that came before later changes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lake"
        with new_lake(path) as lake:
            for number in range(0, len(KINDS), 3):
                create(lake, number)
            for step, number in [*steps, (save_view, last)]:
                step(lake, number)
        with open_lake(path) as lake:
            for branch_name in lake.branches:
                lake.checkout(branch_name)
                for view in lake.get_views():
                    assert_same_view(penstock.open(path, view=view.id), view.load(verbose=False))
