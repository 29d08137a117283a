"""Memory that the consumer and its workers share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from penstock.loading.workers.arena import Arena


def resident(arena: Arena) -> int:
    return os.fstat(arena.descriptor).st_blocks * 512


def test_a_piece_is_taken_again_when_its_last_array_has_died() -> None:
    arena = Arena(kept=2)
    address, owner = arena.allocate(100_000)
    part = owner[50:].view()
    again, other = arena.allocate(100_000)
    assert again != address
    del owner
    assert arena.allocate(100_000)[0] not in (address, again)
    del part
    assert arena.allocate(70_000)[0] == address
    del other


def test_only_so_many_free_pieces_keep_their_pages() -> None:
    arena = Arena(kept=2)
    pieces = [arena.allocate(1 << 20)[1] for _ in range(5)]
    assert resident(arena) == 0
    for piece in pieces:
        piece[:] = 1
    assert resident(arena) == 5 << 20
    del piece
    pieces.clear()
    assert resident(arena) == 2 << 20
    kept = arena.allocate(1 << 20)[1]
    kept[:] = 7
    arena.trim()
    assert resident(arena) == 1 << 20
    assert kept.min() == 7
    del kept
    assert resident(arena) == 0


def test_arrays_outlive_the_arena() -> None:
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    arena = Arena()
    owner = arena.allocate(10)[1]
    owner[:] = range(10)
    part = owner[3:5]
    del arena, owner
    assert part.tolist() == [3, 4]
    del part
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors


def test_both_mappings_show_the_same_bytes() -> None:
    arena = Arena()
    other = Arena(descriptor=os.dup(arena.descriptor))
    owner = arena.allocate(1000)[1]
    offset = arena.find(owner[10:])
    assert offset is not None
    other.view(offset, 5)[:] = 9
    assert owner[9:16].tolist() == [owner[9], 9, 9, 9, 9, 9, owner[15]]
    assert arena.find(np.zeros(3, np.uint8)) is None


def test_a_full_arena_says_so() -> None:
    arena = Arena()
    with pytest.raises(MemoryError, match="shared memory"):
        arena.allocate(arena.size + 1)
