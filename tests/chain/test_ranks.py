"""Ranks of ``torch.distributed`` with Deep Lake's chain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.chains import numbers_of_a_rank, write
from support.ranks import run_on_ranks


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_ranks_share_samples_where_told_to(loader_type: str, deeplake: Any, native: Any, tmp_path: Path) -> None:
    samples = np.array([number * np.ones((10, 10)) for number in range(25)])
    path = write(tmp_path / "lake", image=({"max_chunk_size": 5000}, samples))
    found = run_on_ranks(2, numbers_of_a_rank, str(path), loader_type)
    # The order is filled up from its start.
    assert sorted(found[0]["shared"] + found[1]["shared"]) == sorted([*range(25), 0])
    assert [len(rank["shared"]) for rank in found] == [13, 13]
    assert len({*found[0]["shuffled"], *found[1]["shuffled"]}) == 24
    assert [len(rank["shuffled"]) for rank in found] == [12, 12]
    assert [rank["lengths"] for rank in found] == [[7, 3, 25]] * 2
    # Without it each rank has all.
    assert [rank["alone"] for rank in found] == [list(range(25))] * 2
    drawn = found[0]["drawn"] + found[1]["drawn"]
    assert set(drawn) == {3, 4}
    assert len(drawn) == 10
