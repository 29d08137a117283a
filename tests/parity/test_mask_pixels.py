"""Pixels of polygons, and pycocotools; masks as Deep Lake stores them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pycocotools.mask
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import DecodeError, UnsupportedError
from support.examples import examples
from support.polygons import polygon_objects
from support.require import COCO_FILES

_SIZES = st.integers(1, 80)


def _theirs(polygons: list[npt.NDArray[np.float64]], height: int, width: int) -> npt.NDArray[np.uint8]:
    """As MMDetection's LoadAnnotations._poly2mask."""
    parts = pycocotools.mask.frPyObjects([polygon.tolist() for polygon in polygons], height, width)
    return np.asarray(pycocotools.mask.decode(pycocotools.mask.merge(parts)))


def _assert_same_pixels(core_parts: Any, objects: list[list[npt.NDArray[np.float64]]], height: int, width: int) -> None:
    ours = core_parts.rasterize(objects, height, width)
    assert ours.shape == (len(objects), height, width)
    for mask, polygons in zip(ours, objects, strict=True):
        assert np.array_equal(mask, _theirs(polygons, height, width)), (polygons, height, width)


@examples(600)
@given(objects=polygon_objects(), height=_SIZES, width=_SIZES)
def test_random_polygons(core_parts: Any, objects: Any, height: int, width: int) -> None:
    _assert_same_pixels(core_parts, objects, height, width)


@examples(200)
@given(seed=st.integers(0, 2**32 - 1), spread=st.sampled_from([0.01, 0.3, 2.0, 40.0, 2e4]), digits=st.integers(0, 9))
def test_polygons_of_every_size(core_parts: Any, seed: int, spread: float, digits: int) -> None:
    """Tiny ones around one pixel, and ones that reach far beyond the image."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(-5, 60, 2)
    objects = [
        [np.round(centre + rng.normal(0, spread, (count, 2)), digits).reshape(-1)] for count in rng.integers(3, 12, 5)
    ]
    _assert_same_pixels(core_parts, objects, 55, 47)


def test_pixels_are_made_before_they_are_moved(core_parts: Any, mmdet: Any, coco_mini: Path) -> None:
    """As MMDetection's pipelines do; polygons that are scaled first have other pixels."""
    from mmdet.core.mask.structures import BitmapMasks

    compared = 0
    annotations = list(_annotations(coco_mini))
    for segmentation, height, width in annotations[:: len(annotations) // 50]:
        if isinstance(segmentation, dict):
            continue
        polygons = [np.array(part, np.float64) for part in segmentation]
        theirs = BitmapMasks([_theirs(polygons, height, width)], height, width).rescale((1333, 800)).flip("horizontal")
        resized = (theirs.height, theirs.width)
        theirs = theirs.crop(np.array([100, 50, 900, 700])).pad((704, 832))
        operations = [("resize", *resized), ("flip", True, False), ("crop", 100, 50, 900, 700), ("pad", 704, 832, 0)]
        assert np.array_equal(core_parts.rasterize([polygons], height, width, operations), theirs.masks)
        compared += 1
    assert compared > 40


@pytest.mark.parametrize(
    "polygon",
    [
        [2, 2, 12, 2, 12, 12, 2, 12],
        [2.5, 2.5, 12.5, 2.5, 12.5, 12.5, 2.5, 12.5],
        [-0.5, -0.5, 19.5, -0.5, 19.5, 19.5, -0.5, 19.5],
        [0, 0, 20, 0, 20, 20, 0, 20],
        [3, 3, 3, 3, 3, 3],
        [3, 3, 9, 3, 3, 3],
        [3, 3, 3, 9, 3, 3],
        [1, 1, 15, 15, 15, 1, 1, 15],
        [-50, 5, 50, 5, 50, 9, -50, 9],
        [5, -50, 9, -50, 9, 50, 5, 50],
        [-30, -30, -10, -30, -20, -10],
        [30, 30, 60, 30, 40, 60],
        # A square with a hole, entered over a bridge.
        [2, 2, 16, 2, 16, 16, 2, 16, 2, 2, 6, 6, 6, 12, 12, 12, 12, 6, 6, 6, 2, 2],
        [2e5, 5, -2e5, 9, 8, 2e5],
    ],
)
def test_awkward_polygons(core_parts: Any, polygon: list[float]) -> None:
    _assert_same_pixels(core_parts, [[np.array(polygon, np.float64)]], 20, 20)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, -3e8])
def test_points_that_are_nowhere(core_parts: Any, value: float) -> None:
    with pytest.raises(DecodeError, match="the mask of object 1 has a point at"):
        core_parts.rasterize([[np.arange(6.0)], [np.array([1, 2, 3, value, 5, 6])]], 8, 8)


@pytest.mark.parametrize(
    ("polygons", "theirs"),
    [
        ([], "index out of range"),
        ([np.arange(4.0)], "incorrect type"),
        ([np.arange(2.0)], "not supported"),
        ([np.arange(4.0), np.arange(6.0)], "incorrect type"),
    ],
)
def test_objects_that_cocos_tools_refuse(core_parts: Any, polygons: list[Any], theirs: str) -> None:
    with pytest.raises(Exception, match=theirs):
        _theirs(polygons, 8, 8)
    with pytest.raises(DecodeError, match="the mask of object 0 has no polygon of three points or more"):
        core_parts.rasterize([polygons], 8, 8)


def _annotations(coco_mini: Path) -> Iterator[tuple[Any, int, int]]:
    for file in sorted((coco_mini / "annotations").glob("*.json")):
        coco = json.loads(file.read_text())
        sizes = {image["id"]: (image["height"], image["width"]) for image in coco["images"]}
        for annotation in coco["annotations"]:
            yield annotation["segmentation"], *sizes[annotation["image_id"]]


def test_every_polygon_of_coco(core_parts: Any, coco_mini: Path) -> None:
    objects = 0
    for segmentation, height, width in _annotations(coco_mini):
        if isinstance(segmentation, list):
            objects += 1
            _assert_same_pixels(core_parts, [[np.array(part, np.float64) for part in segmentation]], height, width)
    assert objects > (1000 if coco_mini == COCO_FILES else 50)


def _stored(polygons: list[npt.NDArray[Any]]) -> bytes:
    head = np.array([len(polygons), *map(len, polygons)], "<u2")
    return head.tobytes() + b"".join(polygon.tobytes() for polygon in polygons)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "int32", "int64", "uint16", "uint32"])
def test_stored_polygons(core_parts: Any, dtype: str) -> None:
    rng = np.random.default_rng(3)
    polygons = [(rng.random((count, 2)) * 100).astype(dtype) for count in (3, 700, 1, 4)]
    chosen = [3, 0, 1]
    ours = core_parts.read_polygons(_stored(polygons), dtype, chosen)
    assert [len(parts) for parts in ours] == [1, 1, 1]
    for (part,), number in zip(ours, chosen, strict=True):
        assert np.array_equal(part, polygons[number].astype(np.float64).reshape(-1))
    assert core_parts.read_polygons(b"", dtype, []) == []


def test_polygons_of_a_dataset(native: Any, core_parts: Any, deeplake: Any, tmp_path: Path) -> None:
    import penstock
    from support.lake import new_lake

    rng = np.random.default_rng(4)
    polygons = [(rng.random((count, 2)) * 100).astype(np.float32) for count in (3, 5, 40)]
    masks = rng.random((7, 9, 2)) < 0.5
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("polygons", htype="polygon")
        lake.polygons.append(polygons)
        lake.create_tensor("masks", htype="binary_mask", sample_compression="lz4")
        lake.masks.append(masks)
    dataset = penstock.open(tmp_path / "lake")
    ours = core_parts.read_polygons(bytes(dataset["polygons"].bytes(0)), "float32", [0, 1, 2])
    for (part,), polygon in zip(ours, polygons, strict=True):
        assert np.array_equal(part, polygon.reshape(-1))
    stored = native.decompress_lz4(bytes(dataset["masks"].bytes(0)))
    bitmaps = core_parts.read_bitmaps(stored, list(masks.shape), True, 7, 9, [0, 1])
    assert np.array_equal(bitmaps, masks.transpose(2, 0, 1))


_TRIANGLE = _stored([np.zeros((3, 2), np.float32)])


@pytest.mark.parametrize(
    ("data", "objects", "error", "cause"),
    [
        (b"\0", [], DecodeError, "no points|cannot be"),
        (b"\0\0", [], DecodeError, "no points"),
        (b"\xff\xff", [], DecodeError, "65535 polygons cannot be in 2 bytes"),
        (b"\1\0\0\0", [], DecodeError, "no points"),
        (b"\1\0\3\0", [], DecodeError, "0 bytes are not 3 points"),
        (_TRIANGLE[:-1], [0], DecodeError, "23 bytes are not 3 points"),
        (_TRIANGLE + b"\0", [0], DecodeError, "25 bytes are not 3 points"),
        (_TRIANGLE, [1], DecodeError, "object 1 has no mask: there are 1"),
        (b"", [0], DecodeError, "object 0 has no mask: there are 0"),
        (_stored([np.zeros((3, 3), np.float32)]), [0], UnsupportedError, "have 3 coordinates"),
    ],
)
def test_damaged_polygons(core_parts: Any, data: bytes, objects: list[int], error: type[Exception], cause: str) -> None:
    with pytest.raises(error, match=cause):
        core_parts.read_polygons(data, "float32", objects)


@given(seed=st.integers(0, 2**32 - 1), height=_SIZES, width=_SIZES, count=st.integers(0, 4), is_bool=st.booleans())
def test_stored_bitmaps(core_parts: Any, seed: int, height: int, width: int, count: int, is_bool: bool) -> None:
    rng = np.random.default_rng(seed)
    stored = rng.integers(0, 3, (height, width, count)).astype(np.uint8)
    chosen = rng.permutation(count)[: rng.integers(0, count + 1)].tolist()
    expected = stored.transpose(2, 0, 1)[chosen]
    ours = core_parts.read_bitmaps(stored.tobytes(), list(stored.shape), is_bool, height, width, chosen)
    assert np.array_equal(ours, expected != 0 if is_bool else expected)


@pytest.mark.parametrize(
    ("size", "shape", "objects", "error", "cause"),
    [
        (23, [3, 4, 2], [0], DecodeError, "the masks have 23 bytes"),
        (24, [2**32 - 1, 2**32 - 1, 2**32 - 1], [0], DecodeError, "the masks have 24 bytes"),
        (24, [4, 3, 2], [0], DecodeError, "the masks are 3x4, the image is 4x3"),
        (24, [3, 4, 2], [2], DecodeError, "object 2 has no mask: there are 2"),
        (24, [24], [0], UnsupportedError, "masks of 1 dimensions"),
        (24, [3, 4, 2, 1], [0], UnsupportedError, "masks of 4 dimensions"),
    ],
)
def test_damaged_bitmaps(
    core_parts: Any, size: int, shape: list[int], objects: list[int], error: type[Exception], cause: str
) -> None:
    with pytest.raises(error, match=cause):
        core_parts.read_bitmaps(bytes(size), shape, False, 3, 4, objects)
