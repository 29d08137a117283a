"""Shapes of a remote tensor come from headers that are read side by side."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import penstock
from penstock.errors import ChunkNotFoundError
from support.far import far_dataset

LATENCY = 0.05


def test_headers_are_read_side_by_side(lake: Callable[[str], Path]) -> None:
    near, far = penstock.open(lake("many_chunks")), far_dataset(lake("many_chunks"), LATENCY, 1e9)
    chunks = len(set(near["varying/raw"].chunk_numbers()))
    assert chunks >= 8
    begin = time.monotonic()
    shapes = far["varying/raw"].shapes()
    spent = time.monotonic() - begin
    np.testing.assert_array_equal(shapes, near["varying/raw"].shapes())
    assert spent < chunks * LATENCY, "one after the other, they would have taken longer"


def test_what_is_wrong_with_one_of_them_is_said(lake: Callable[[str], Path], tmp_path: Path) -> None:
    far = far_dataset(lake("many_chunks"), 0.001, 1e9)
    index = far["varying/raw"].core_source().in_chunks.chunks  # type: ignore[union-attr]
    missing = index.key(3)
    store = far.stores[0]
    read = store.read
    store.read = lambda key, *rest: _missing(key) if key == missing else read(key, *rest)  # type: ignore[method-assign]
    with pytest.raises((ChunkNotFoundError, FileNotFoundError)) as raised:
        far["varying/raw"].shapes()
    assert missing in str(raised.value)


def _missing(key: str) -> bytes:
    raise FileNotFoundError(key)
