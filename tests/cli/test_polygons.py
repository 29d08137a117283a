"""Segmentations become one polygon each, which pycocotools fills to the same pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from penstock.ingest.polygons import object_polygon, outline

masks: Any = pytest.importorskip("pycocotools.mask")

BOX = (2.0, 3.0, 4.0, 5.0)
SQUARE = [1.0, 1.0, 5.0, 1.0, 5.0, 5.0, 1.0, 5.0]
INSIDE = [2.0, 2.0, 4.0, 2.0, 4.0, 4.0, 2.0, 4.0]
APART = [8.0, 6.0, 11.0, 6.0, 11.0, 9.0, 8.0, 9.0]


def fill(polygon: npt.NDArray[Any], height: int, width: int) -> npt.NDArray[np.uint8]:
    filled: npt.NDArray[np.uint8] = masks.decode(
        masks.frPyObjects([polygon.astype(np.float64).reshape(-1).tolist()], height, width)
    )
    return filled[:, :, 0]


@given(arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 1)))
def test_outlines_of_any_mask(mask: npt.NDArray[np.uint8]) -> None:
    polygon = outline(mask)
    if not mask.any():
        assert polygon.shape == (0, 2)
        return
    np.testing.assert_array_equal(fill(polygon, *mask.shape), mask)


def test_an_outline_has_corners_only() -> None:
    mask = np.zeros((10, 20), np.uint8)
    mask[2:7, 3:15] = 1
    assert sorted(outline(mask).tolist()) == [[3, 2], [3, 7], [15, 2], [15, 7]]


def test_a_single_part_stays_as_it_is() -> None:
    polygon = object_polygon([SQUARE], BOX, (10, 12))
    assert polygon.dtype == np.float32
    assert polygon.reshape(-1).tolist() == SQUARE


@pytest.mark.parametrize("parts", [[SQUARE, APART], [SQUARE, INSIDE], [SQUARE, APART, INSIDE]])
def test_parts_apart_and_on_top_of_each_other(parts: list[list[float]]) -> None:
    expected = masks.decode(masks.merge(masks.frPyObjects(parts, 10, 12)))
    np.testing.assert_array_equal(fill(object_polygon(parts, BOX, (10, 12)), 10, 12), expected)


@pytest.mark.parametrize("compressed", [False, True])
def test_run_lengths(compressed: bool) -> None:
    mask = np.zeros((6, 8), np.uint8)
    mask[1:5, 2:7] = 1
    mask[2, 3] = 0
    mask[0, 7] = 1
    if compressed:
        encoded = masks.encode(np.asfortranarray(mask))
        segmentation = {"size": [6, 8], "counts": encoded["counts"].decode()}
    else:
        flat = mask.T.reshape(-1)
        edges = np.flatnonzero(np.diff(flat, prepend=0, append=2))
        segmentation = {"size": [6, 8], "counts": np.diff(edges, prepend=0).tolist()}
    np.testing.assert_array_equal(fill(object_polygon(segmentation, BOX, (6, 8)), 6, 8), mask)


@pytest.mark.parametrize("segmentation", [None, [], [[1, 1, 2, 2]], {"size": [6, 8], "counts": [48]}])
def test_what_encloses_nothing_becomes_its_box(segmentation: Any) -> None:
    corners = [[2, 3], [6, 3], [6, 8], [2, 8]]
    assert object_polygon(segmentation, BOX, (10, 12)).tolist() == corners


def test_more_points_than_deeplake_can_count() -> None:
    mask = np.indices((400, 400)).sum(axis=0) % 2
    flat = np.concatenate(([0], mask.T.reshape(-1)))
    counts = np.diff(np.concatenate(([0], np.flatnonzero(np.diff(flat)), [mask.size]))).tolist()
    with pytest.raises(ValueError, match="at most 65535"):
        object_polygon({"size": [400, 400], "counts": counts}, BOX, (400, 400))
