"""The core refuses arguments that would make it read or write beyond its memory."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image


def source(core: Any, **changes: Any) -> Any:
    settings: dict[str, Any] = {
        "name": "a",
        "is_image": False,
        "item_size": 1,
        "sample_compression": "none",
        "chunk_compression": "none",
        "fixed_shape": None,
        "dimensions": 1,
        "color": "native",
        "as_bytes": False,
        "is_bool": False,
        "ids": [1, 2],
        "last_index": [4, 9],
        "folder_of": [0, 0],
        "folders": ["a/chunks"],
        "tiles": [],
        "sequences": None,
        "rows": None,
    }
    return core.TensorSource(**settings | changes)


@pytest.fixture
def core(native: Any) -> Any:
    from penstock import _core

    return _core


@pytest.mark.parametrize("item_size", [0, 3, 4, 8, 2**31])
def test_an_image_has_elements_of_one_or_two_bytes(item_size: int, core: Any) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.zeros((100, 100, 3), np.uint8)).save(stream, "PNG")
    with pytest.raises(ValueError, match="item_size"):
        core.decode_image(stream.getvalue(), "png", [100, 100, 3], item_size)


@pytest.mark.parametrize(
    "changes",
    [
        {"last_index": [4]},
        {"last_index": [9, 4]},
        {"last_index": [-5, 4]},
        {"folder_of": [0]},
        {"folder_of": [0, 7]},
        {"item_size": 0},
        {"item_size": 2**31},
        {"tiles": [(99, [8, 8], [4, 4])]},
        {"tiles": [(4, [8, 8], [0, 4])]},
        {"tiles": [(4, [8, 8], [4])]},
        {"sequences": ([5], [0], [2])},
        {"sequences": ([5], [8], [0])},
        {"sequences": ([2**62], [0], [3])},
        {"sequences": ([1, 1], [0], [2])},
    ],
)
def test_an_index_has_what_it_names(changes: dict[str, Any], core: Any) -> None:
    source(core)
    with pytest.raises(ValueError):
        source(core, **changes)


@pytest.mark.parametrize(
    ("rows", "order", "ends"),
    [
        (None, [10], [1]),
        (None, [-1], [1]),
        (None, [2**62], [1]),
        (None, [0, 1], [2, 1]),
        (None, [0, 1], [3]),
        ((0, 2), [5], [1]),
        ((9, -1), [10], [1]),
        ((0, 2**62), [4], [1]),
        (([3, 4],), [2], [1]),
        (([3, 40],), [0], [1]),
    ],
)
def test_an_order_has_samples_that_there_are(rows: Any, order: list[int], ends: list[int], core: Any) -> None:
    view = None if rows is None else core.RowMap(*rows)
    loader = core.Loader(
        store=".", sources=[source(core, rows=view)], threads=1, io_threads=1, prefetch=1, cache_bytes=0,
        read_ahead_bytes=0
    )
    with pytest.raises(ValueError):
        loader.start(np.array(order, np.int64), np.array(ends, np.uint64))
    loader.stop()


@pytest.mark.parametrize("order", [[0, 0], [0, 2], [-1, 0]])
def test_places_of_an_epoch_are_of_each_item_once(order: list[int], core: Any) -> None:
    with pytest.raises(ValueError, match="each item once"):
        core.EpochPlaces(np.array(order, np.int64))


@pytest.mark.parametrize(
    "changes",
    [
        {"flags": np.zeros(1, np.uint8)},
        {"offsets": np.array([0, 1])},
        {"offsets": np.array([0, 2, 1])},
        {"offsets": np.array([0, 1, 9])},
        {"offsets": np.array([-1, 1, 2])},
        {"labels": np.zeros(1, np.int64)},
        {"mask_rows": np.zeros(0, np.int64)},
        {"mask_rows": np.array([0, -1])},
        {"ignored_offsets": np.array([0, 0, 3])},
    ],
)
def test_a_table_of_annotations_fits_itself(changes: dict[str, Any], core: Any) -> None:
    columns: dict[str, Any] = {
        "indices": np.arange(2),
        "flags": np.zeros(2, np.uint8),
        "offsets": np.array([0, 1, 2]),
        "boxes": np.zeros((2, 4), np.float32),
        "labels": np.zeros(2, np.int64),
        "mask_rows": np.zeros(2, np.int64),
        "ignored_offsets": np.zeros(0, np.int64),
        "ignored": np.zeros((0, 4), np.float32),
    }
    core.AnnotationTable(**columns)
    with pytest.raises(ValueError):
        core.AnnotationTable(**columns | changes)
