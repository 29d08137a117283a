"""Instance masks of the core, and MMDetection's own classes, through random chains of operations."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import mmcv
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from penstock.errors import TransformError
from support.examples import examples
from support.polygons import polygon_objects

Extent = tuple[int, int]
Operation = tuple[Any, ...]

_SIZES = st.integers(1, 80)
_NATIVE_FLIP = {"horizontal": (True, False), "vertical": (False, True), "diagonal": (True, True)}


class Chain(NamedTuple):
    """Operations as MMDetection's methods are called, and as the core's are."""

    theirs: list[Operation]
    ours: list[Operation]


def _resize(draw: st.DrawFn, extent: Extent, _: int) -> tuple[Operation, Operation, Extent]:
    shape = (draw(_SIZES), draw(_SIZES))
    return ("resize", shape), ("resize", *shape), shape


def _rescale(draw: st.DrawFn, extent: Extent, _: int) -> tuple[Operation, Operation, Extent]:
    scale = (draw(_SIZES), draw(_SIZES))
    width, height = mmcv.rescale_size(extent[::-1], scale)
    if not (width and height):
        return _resize(draw, extent, _)
    return ("rescale", scale), ("resize", height, width), (height, width)


def _flip(draw: st.DrawFn, extent: Extent, _: int) -> tuple[Operation, Operation, Extent]:
    direction = draw(st.sampled_from(sorted(_NATIVE_FLIP)))
    return ("flip", direction), ("flip", *_NATIVE_FLIP[direction]), extent


def _pad(draw: st.DrawFn, extent: Extent, _: int) -> tuple[Operation, Operation, Extent]:
    shape = (extent[0] + draw(st.integers(0, 20)), extent[1] + draw(st.integers(0, 20)))
    value = draw(st.one_of(st.integers(-3, 300), st.floats(-10, 300)))
    return ("pad", shape, value), ("pad", *shape, value), shape


def _crop(draw: st.DrawFn, extent: Extent, _: int) -> tuple[Operation, Operation, Extent]:
    height, width = extent
    x1, x2 = draw(st.integers(-5, width + 5)), draw(st.integers(-5, width + 5))
    y1, y2 = draw(st.integers(-5, height + 5)), draw(st.integers(-5, height + 5))
    left, right = np.clip([x1, x2], 0, width)
    top, bottom = np.clip([y1, y2], 0, height)
    after = (max(int(bottom - top), 1), max(int(right - left), 1))
    return ("crop", np.array([x1, y1, x2, y2])), ("crop", x1, y1, x2, y2), after


def _expand(draw: st.DrawFn, extent: Extent, _: int) -> tuple[Operation, Operation, Extent]:
    top, left = draw(st.integers(0, 20)), draw(st.integers(0, 20))
    shape = (extent[0] + top + draw(st.integers(0, 20)), extent[1] + left + draw(st.integers(0, 20)))
    return ("expand", *shape, top, left), ("expand", *shape, left, top), shape


def _select(draw: st.DrawFn, extent: Extent, count: int) -> tuple[Operation, Operation, Extent]:
    rows = draw(st.lists(st.integers(0, count - 1), max_size=5)) if count else []
    return ("__getitem__", np.array(rows, np.int64)), ("select", rows), extent


def _keep(draw: st.DrawFn, extent: Extent, count: int) -> tuple[Operation, Operation, Extent]:
    rows = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    return ("__getitem__", np.array(rows, bool).nonzero()[0]), ("keep", rows), extent


_FOR_POLYGONS = (_resize, _rescale, _flip, _pad, _crop, _select, _keep)
_FOR_BITMAPS = (*_FOR_POLYGONS, _expand)


@st.composite
def _chains(draw: st.DrawFn, extent: Extent, count: int, makers: tuple[Any, ...]) -> Chain:
    chain = Chain([], [])
    for make in draw(st.lists(st.sampled_from(makers), max_size=5)):
        theirs, ours, after = make(draw, extent, count)
        if theirs[0] == "crop" and makers is _FOR_BITMAPS and (ours[1] >= extent[1] or ours[2] >= extent[0]):
            count = 0  # theirs loses its objects
        if theirs[0] == "__getitem__":
            count = len(theirs[1])
        chain.theirs.append(theirs)
        chain.ours.append(ours)
        if draw(st.booleans()):
            chain.ours.append(("areas",))  # which moves the bytes between two operations
        extent = after
    return chain


@st.composite
def _bitmaps(draw: st.DrawFn) -> npt.NDArray[np.uint8]:
    shape = (draw(st.integers(0, 3)), draw(_SIZES), draw(_SIZES))
    masks = draw(arrays.arrays(np.uint8, shape, elements=st.sampled_from([0, 1]), fill=st.just(0)))
    if draw(st.booleans()):
        # Dense ones, which Hypothesis does not draw.
        seed = draw(st.integers(0, 2**32 - 1))
        masks = (np.random.default_rng(seed).random(shape) < 0.5).astype(np.uint8) * np.uint8(
            draw(st.sampled_from([1, 255]))
        )
    return masks


def _apply(masks: Any, operations: list[Operation]) -> Any:
    for name, *arguments in operations:
        masks = getattr(masks, name)(*arguments)
    return masks


@examples(400)
@given(data=st.data(), masks=_bitmaps())
def test_bitmaps_through_chains_of_operations(core_parts: Any, mmdet: Any, data: st.DataObject, masks: Any) -> None:
    from mmdet.core.mask.structures import BitmapMasks

    chain = data.draw(_chains(masks.shape[1:], len(masks), _FOR_BITMAPS))
    theirs = _apply(BitmapMasks(masks, *masks.shape[1:]), chain.theirs)
    ours = core_parts.change_bitmap_masks(masks, chain.ours)
    assert ours["extent"] == (theirs.height, theirs.width)
    assert ours["masks"].dtype == theirs.masks.dtype == np.uint8
    assert ours["masks"].shape == theirs.masks.shape
    assert np.array_equal(ours["masks"], theirs.masks)
    assert ours["areas"] == theirs.areas.tolist()
    assert np.array_equal(np.array(ours["boxes"], np.float32).reshape(-1, 4), theirs.get_bboxes())


@pytest.mark.parametrize("flipped", [False, True])
def test_two_resizes_in_a_row(flipped: bool, core_parts: Any, mmdet: Any) -> None:
    """All small ones: what is resized back leaves columns out and repeats others."""
    from mmdet.core.mask.structures import BitmapMasks

    sizes = range(1, 17)
    for width, between, after in itertools.product(sizes, sizes, sizes):
        # A ramp shows which column was taken.
        ramp = np.arange(1, width + 1, dtype=np.uint8).reshape(1, 1, width)
        theirs = BitmapMasks(ramp, 1, width)
        theirs = (theirs.flip("horizontal") if flipped else theirs).resize((1, between)).resize((1, after))
        chain = [("flip", True, False)] * flipped + [("resize", 1, between), ("resize", 1, after)]
        assert np.array_equal(core_parts.change_bitmap_masks(ramp, chain)["masks"], theirs.masks), (width, chain)


@given(height=st.integers(1, 3000), to_height=st.integers(1, 3000), width=st.integers(1, 3000), to_width=_SIZES)
def test_nearest_resizing_of_large_masks(
    core_parts: Any, mmdet: Any, height: int, to_height: int, width: int, to_width: int
) -> None:
    from mmdet.core.mask.structures import BitmapMasks

    # One axis at a time: a ramp shows which row was taken.
    down = (np.arange(height) % 251).astype(np.uint8).reshape(1, height, 1)
    across = (np.arange(width) % 251).astype(np.uint8).reshape(1, 1, width)
    for masks, shape in ((down, (to_height, 1)), (across, (1, to_width)), (across, (1, to_height))):
        theirs = BitmapMasks(masks, *masks.shape[1:]).resize(shape)
        assert np.array_equal(core_parts.change_bitmap_masks(masks, [("resize", *shape)])["masks"], theirs.masks)


@examples(400)
@given(data=st.data(), objects=polygon_objects(), extent=st.tuples(_SIZES, _SIZES))
def test_polygons_through_chains_of_operations(
    core_parts: Any, mmdet: Any, data: st.DataObject, objects: Any, extent: Extent
) -> None:
    from mmdet.core.mask.structures import PolygonMasks
    from mmdet.datasets.pipelines import LoadAnnotations

    chain = data.draw(_chains(extent, len(objects), _FOR_POLYGONS))
    valid = [LoadAnnotations.process_polygons(None, polygons) for polygons in objects]
    theirs = _apply(PolygonMasks(valid, *extent), chain.theirs)
    ours = core_parts.change_polygon_masks(objects, *extent, chain.ours, False)
    assert ours["extent"] == (theirs.height, theirs.width)
    assert len(ours["masks"]) == len(theirs.masks)
    for our_object, their_object in zip(ours["masks"], theirs.masks, strict=True):
        assert len(our_object) == len(their_object)
        for our_polygon, their_polygon in zip(our_object, their_object, strict=True):
            assert their_polygon.dtype == np.float64
            assert our_polygon.tobytes() == their_polygon.tobytes()
    boxes = np.array(ours["boxes"], np.float32).reshape(-1, 4)
    assert np.array_equal(boxes, theirs.get_bboxes())
    # numpy's dot product sums in another order, and far from the origin the two products are large and near.
    largest = max((float(np.abs(p).max()) for polygons in theirs.masks for p in polygons), default=0.0)
    assert np.allclose(ours["areas"], theirs.areas, rtol=1e-12, atol=1e-12 * max(largest, 1) ** 2)
    pixels = core_parts.change_polygon_masks(objects, *extent, chain.ours, True)["masks"]
    assert np.array_equal(pixels, theirs.to_ndarray())


@given(data=st.data(), below=_bitmaps())
def test_pasting_objects_over_others(core_parts: Any, mmdet: Any, data: st.DataObject, below: Any) -> None:
    from mmdet.core.mask.structures import BitmapMasks
    from mmdet.datasets.pipelines import CopyPaste

    extent = below.shape[1:]
    above = data.draw(arrays.arrays(np.uint8, (2, *extent), elements=st.sampled_from([0, 1, 7]), fill=st.just(0)))
    pasted = data.draw(st.lists(st.integers(0, 1), unique=True, min_size=1))
    source = BitmapMasks(above, *extent)[np.array(pasted)]
    composed = np.where(np.any(source.masks, axis=0), 1, 0)
    updated = CopyPaste().get_updated_masks(BitmapMasks(below.copy(), *extent), composed)
    theirs = np.concatenate([updated.masks, source.masks])
    ours = core_parts.paste_bitmap_masks(below, above, pasted)
    assert np.array_equal(ours["any"], composed.reshape(-1))
    assert np.array_equal(ours["masks"], theirs)
    assert np.array_equal(ours["areas"], theirs.sum((1, 2)))
    assert np.array_equal(np.array(ours["boxes"], np.float32), BitmapMasks(theirs, *extent).get_bboxes())


@given(
    boxes=arrays.arrays(np.float32, (3, 4), elements=st.floats(-100, 100, width=32)), extent=st.tuples(_SIZES, _SIZES)
)
def test_masks_of_boxes(core_parts: Any, mmdet: Any, boxes: Any, extent: Extent) -> None:
    from mmdet.datasets.pipelines import CopyPaste

    # As numbers: numpy warns of arrays of one element that become int.
    theirs = CopyPaste().gen_masks_from_bboxes(_Columns(boxes), (*extent, 3))
    assert np.array_equal(core_parts.masks_of_boxes(boxes, *extent), theirs.masks)


class _Columns:
    """Boxes whose single columns are plain numbers."""

    def __init__(self, boxes: npt.NDArray[np.float32]) -> None:
        self._boxes = boxes

    def __len__(self) -> int:
        return len(self._boxes)

    def __getitem__(self, key: tuple[slice, slice]) -> npt.NDArray[np.float32]:
        column = self._boxes[key]
        return column.reshape(-1)


@pytest.mark.parametrize("edge", [np.nan, np.inf, -np.inf])
def test_masks_of_boxes_without_an_end(core_parts: Any, edge: float) -> None:
    with pytest.raises(TransformError, match="is no mask"):
        core_parts.masks_of_boxes(np.array([[0, 0, edge, 1]], np.float32), 4, 4)


@pytest.mark.parametrize(
    "operation",
    [("resize", 0, 3), ("pad", 3, 9), ("expand", 9, 9, 6, 0), ("expand", 9, 9, -1, 0)],
    ids=["to nothing", "too small", "beyond the edge", "left of the edge"],
)
def test_what_bitmaps_cannot_do(core_parts: Any, operation: Operation) -> None:
    operation = (*operation, 0) if operation[0] == "pad" else operation
    with pytest.raises(TransformError, match=r"masks of [49]x4 "):
        core_parts.change_bitmap_masks(np.ones((1, 4, 4), np.uint8), [operation])


def test_polygons_cannot_be_expanded(core_parts: Any) -> None:
    with pytest.raises(TransformError, match="cannot be expanded"):
        core_parts.change_polygon_masks([[np.arange(6.0)]], 4, 4, [("expand", 9, 9, 0, 0)], False)


def test_the_first_object_needs_a_polygon(core_parts: Any) -> None:
    """MMDetection's class looks at the first object alone, whenever one is made."""
    empty, triangle = [np.arange(4.0)], [np.arange(6.0)]
    with pytest.raises(TransformError, match="no polygon of three points"):
        core_parts.change_polygon_masks([empty, triangle], 4, 4, [], False)
    kept = core_parts.change_polygon_masks([triangle, empty], 4, 4, [], False)
    assert [len(polygons) for polygons in kept["masks"]] == [1, 0]
    assert kept["boxes"][1] == [8, 8, 0, 0]
    with pytest.raises(TransformError, match="no polygon of three points"):
        core_parts.change_polygon_masks([triangle, empty], 4, 4, [("select", [1])], False)


def test_points_that_are_no_numbers_show_in_boxes(core_parts: Any, mmdet: Any) -> None:
    from mmdet.core.mask.structures import PolygonMasks

    objects = [[np.array([1, 2, np.nan, 3, 2, 5, 3, 1.0])]]
    ours = core_parts.change_polygon_masks(objects, 9, 9, [], False)["boxes"]
    assert np.array_equal(ours, PolygonMasks(objects, 9, 9).get_bboxes(), equal_nan=True)
