"""The native pixel chain against OpenCV and mmcv, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.images import jpeg, picture, png
from support.require import require

cv2 = pytest.importorskip("cv2")
require("mmdet")

from support.pixel_plans import Step, by_opencv, extent_after, plan, stored

few = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def pixels(height: int, width: int, channels: int = 3, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Noise, of which every value counts."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def assert_same(got: npt.NDArray[Any], expected: npt.NDArray[Any], *, scale: float = 1.0) -> None:
    """uint8: equal. float32: 99.99 % of values within 1e-3 on the 0..255 scale, of which a unit is ``scale`` here."""
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    if got.dtype == np.uint8:
        np.testing.assert_array_equal(got, expected)
        return
    beyond = ~(np.abs(got.astype(np.float64) - expected) <= 1e-3 * scale)
    assert beyond.mean() <= 1e-4, f"{beyond.sum()} of {beyond.size} differ, by up to {np.abs(got - expected).max()}"


extents = st.tuples(st.integers(1, 300), st.integers(1, 300))
colors = st.tuples(*[st.integers(0, 255).map(float)] * 3)


@st.composite
def canvases(draw: st.DrawFn, extent: tuple[int, int], *, is_float: bool) -> Step:
    """A crop, an expansion, a shift, or all at once; now and then beside the image."""
    height, width = draw(extents)
    top = draw(st.integers(-extent[0], height))
    left = draw(st.integers(-extent[1], width))
    fill = draw(colors)
    if is_float:
        fill = (fill[0] + 0.675, fill[1] + 0.28, fill[2])
    return {"type": "Canvas", "extent": (height, width), "left": left, "top": top, "fill": fill}


flips = st.builds(lambda h, v: {"type": "Flip", "horizontal": h, "vertical": v}, st.booleans(), st.booleans())
resizes = st.builds(lambda e, n: {"type": "Resize", "extent": e, "nearest": n}, extents, st.booleans())


@st.composite
def fills(draw: st.DrawFn, extent: tuple[int, int]) -> Step:
    rectangles = []
    for _ in range(draw(st.integers(0, 3))):
        y0, y1 = sorted(draw(st.tuples(*[st.integers(0, extent[0])] * 2)))
        x0, x1 = sorted(draw(st.tuples(*[st.integers(0, extent[1])] * 2)))
        rectangles.append((x0, y0, x1, y1))
    return {"type": "Fill", "rectangles": rectangles, "value": draw(colors)}


photometrics = st.builds(
    lambda b, c, s, h, d, o: {
        "type": "Photometric", "brightness": b, "contrast_before": c, "saturation": s, "hue": h,
        "contrast_after": d, "order": o,
    },
    st.floats(-32, 32), st.floats(0.5, 1.5), st.floats(0.5, 1.5), st.floats(-18, 18), st.floats(0.5, 1.5),
    st.permutations([0, 1, 2]),
)  # fmt: skip


def normalize(swap: bool = True) -> Step:
    return {"type": "Normalize", "mean": MEAN, "inverse_std": [1 / s for s in STD], "swap": swap}


@st.composite
def chains(draw: st.DrawFn, extent: tuple[int, int], *, channels: int = 3) -> list[Step]:
    """Steps in any order: on uint8, then maybe on float32, then maybe after Normalize."""
    steps: list[Step] = []

    def add(is_float: bool, more: tuple[str, ...]) -> None:
        here = extent_after(steps, extent)
        kind = draw(st.sampled_from(("canvas", "flip", "resize", "fill", *more)))
        if kind == "canvas":
            steps.append(draw(canvases(here, is_float=is_float)))
        elif kind == "flip":
            steps.append(draw(flips))
        elif kind == "resize":
            steps.append(draw(resizes))
        elif kind == "fill":
            steps.append(draw(fills(here)))
        else:
            steps.append(draw(photometrics))

    for _ in range(draw(st.integers(0, 4))):
        add(False, ())
    if draw(st.booleans()):
        steps.append({"type": "ToFloat"})
        for _ in range(draw(st.integers(0, 4))):
            add(True, ("photometric",) if channels == 3 else ())
    if draw(st.booleans()):
        steps.append(normalize(draw(st.booleans()) if channels == 3 else False))
        for _ in range(draw(st.integers(0, 2))):
            add(True, ())
    return steps


@few
@given(data=st.data(), extent=extents, planar=st.booleans(), padding=st.tuples(*[st.integers(0, 40)] * 2))
def test_chains_give_what_opencv_gives_step_by_step(
    native: Any, data: st.DataObject, extent: tuple[int, int], planar: bool, padding: tuple[int, int]
) -> None:
    channels = data.draw(st.sampled_from((3, 3, 1)))
    steps = data.draw(chains(extent, channels=channels))
    image = pixels(*extent, channels)
    expected = by_opencv([image], plan(steps, channels=channels))
    height, width = expected.shape[:2]
    padded = (height + padding[0], width + padding[1])
    got = native.run_pixels([stored(image)], plan(steps, channels=channels), planar, padded, 7.0, "native")
    if planar:
        got = got.transpose(1, 2, 0)
    inside = np.zeros(padded, bool)
    inside[:height, :width] = True
    assert (got[~inside] == 7).all()
    assert_same(got[:height, :width], expected)


@few
@given(extent=extents, target=extents, seed=st.integers(0, 9))
def test_resizing_uint8_gives_the_bits_of_opencv(
    native: Any, extent: tuple[int, int], target: tuple[int, int], seed: int
) -> None:
    image = pixels(*extent, seed=seed)
    steps = [{"type": "Resize", "extent": target, "nearest": False}]
    assert_same(native.run_pixels([stored(image)], plan(steps), color="native"), by_opencv([image], plan(steps)))
