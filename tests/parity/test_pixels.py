"""The native pixel chain against OpenCV and mmcv, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st

from penstock.errors import DecodeError
from support.examples import examples
from support.images import jpeg, picture, png
from support.require import require

cv2 = pytest.importorskip("cv2")
require("mmdet")

from support.pixel_plans import Step, by_opencv, extent_after, plan, stored  # noqa: E402

few = examples(150, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    lambda b, c, s, h, d, o, most: {
        "type": "Photometric", "brightness": b, "contrast_before": c, "saturation": s, "hue": h,
        "contrast_after": d, "order": o, "largest_saturation": most,
    },
    st.floats(-32, 32), st.floats(0.5, 1.5), st.floats(0.5, 1.5), st.floats(-18, 18), st.floats(0.5, 1.5),
    st.permutations([0, 1, 2]), st.sampled_from([float("inf"), 1.0]),
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
    core_parts: Any, data: st.DataObject, extent: tuple[int, int], planar: bool, padding: tuple[int, int]
) -> None:
    channels = data.draw(st.sampled_from((3, 3, 1)))
    steps = data.draw(chains(extent, channels=channels))
    image = pixels(*extent, channels)
    expected = by_opencv([image], plan(steps, channels=channels))
    height, width = expected.shape[:2]
    padded = (height + padding[0], width + padding[1])
    got = core_parts.run_pixels([stored(image)], plan(steps, channels=channels), planar, padded, 7.0, "native")
    if planar:
        got = got.transpose(1, 2, 0)
    inside = np.zeros(padded, bool)
    inside[:height, :width] = True
    assert (got[~inside] == 7).all()
    assert_same(got[:height, :width], expected)


@few
@given(extent=extents, target=extents, seed=st.integers(0, 9))
def test_resizing_uint8_gives_the_bits_of_opencv(
    core_parts: Any, extent: tuple[int, int], target: tuple[int, int], seed: int
) -> None:
    image = pixels(*extent, seed=seed)
    steps = [{"type": "Resize", "extent": target, "nearest": False}]
    assert_same(core_parts.run_pixels([stored(image)], plan(steps), color="native"), by_opencv([image], plan(steps)))


@few
@given(extent=extents, target=extents, seed=st.integers(0, 9), padded=st.booleans())
def test_resizing_in_doubles_gives_what_opencv_gives(
    core_parts: Any, extent: tuple[int, int], target: tuple[int, int], seed: int, padded: bool
) -> None:
    """But for the last bit of a mean in a hundred, which matters where it is an integer or not quite. The smallest
    images go another way in OpenCV.
    """
    assume(min(*extent, *target) > 4)
    image = pixels(*extent, seed=seed)
    if padded:
        image[extent[0] // 2 :] = 114
    steps = [{"type": "ResizeInDoubles", "extent": target}]
    got = core_parts.run_pixels([stored(image)], plan(steps), color="native")
    expected = by_opencv([image], plan(steps))
    assert got.shape == expected.shape and got.dtype == expected.dtype
    far = got.astype(int) - expected
    assert np.abs(far).max() <= 1
    assert np.mean(far != 0) <= max(0.005, 1.5 / far.size)


@few
@given(extent=extents, target=extents, channels=st.sampled_from((1, 3)), is_float=st.booleans(), data=st.data())
def test_warping_gives_what_opencv_gives(
    core_parts: Any,
    extent: tuple[int, int],
    target: tuple[int, int],
    channels: int,
    is_float: bool,
    data: st.DataObject,
) -> None:
    angle, scale, bend = (data.draw(st.floats(low, high)) for low, high in ((-1, 1), (0.3, 2), (-1e-3, 1e-3)))
    shift = data.draw(st.tuples(*[st.floats(-100, 100)] * 2))
    matrix = [
        scale * np.cos(angle), -np.sin(angle), shift[0],
        np.sin(angle), scale * np.cos(angle), shift[1],
        data.draw(st.sampled_from((0.0, bend))), data.draw(st.sampled_from((0.0, bend))), 1.0,
    ]  # fmt: skip
    image = pixels(*extent, channels)
    warp = {"type": "Warp", "matrix": matrix, "extent": target, "fill": (114.0, 100.0, 90.0)}
    described = plan([{"type": "ToFloat"}] * is_float + [warp], channels=channels)
    got, expected = core_parts.run_pixels([stored(image)], described, color="native"), by_opencv([image], described)
    if is_float:
        assert_same(got, expected)
        return
    difference = np.abs(got.astype(int) - expected)
    # A position that lies halfway between two of 1/32 pixel may be rounded either way.
    assert (difference != 0).mean() <= 1e-3 or (difference != 0).sum() <= 3


@few
@given(extent=extents, gains=st.tuples(st.integers(-20, 20), st.integers(-60, 60), st.integers(-60, 60)))
def test_hsv_gains_give_what_opencv_gives(
    core_parts: Any, extent: tuple[int, int], gains: tuple[int, int, int]
) -> None:
    image = pixels(*extent)
    described = plan([{"type": "HsvGains", "gains": gains}])
    assert_same(core_parts.run_pixels([stored(image)], described, color="native"), by_opencv([image], described))


@few
@given(data=st.data(), extent=extents, others=st.tuples(extents, extents))
def test_other_images_are_pasted_blended_and_selected(
    core_parts: Any, data: st.DataObject, extent: tuple[int, int], others: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    images = [pixels(*size, seed=i) for i, size in enumerate((extent, *others))]
    steps = data.draw(chains(extent))
    steps = [step for step in steps if step["type"] in ("Canvas", "Resize", "Flip", "Fill")]
    for number in data.draw(st.lists(st.sampled_from((0, 1, 2)), max_size=3)):
        here = extent_after(steps, extent)
        kind = data.draw(st.sampled_from(("Overlay", "Blend", "Select")))
        inner = [data.draw(canvases(images[number].shape[:2], is_float=False))]
        step: Step = {"type": kind}
        if kind == "Overlay":
            step["left"], step["top"] = data.draw(st.tuples(*[st.integers(-20, 100)] * 2))
        else:
            inner.append({"type": "Resize", "extent": here, "nearest": False})
        if kind == "Select":
            chosen = np.random.default_rng(number).integers(0, 2, here, dtype=np.uint8)
            step["mask"] = chosen.ravel().tolist()
        steps.append({**step, "image_plan": plan(inner, source=number)})
    steps += data.draw(st.sampled_from(([], [normalize()])))
    described = plan(steps)
    got = core_parts.run_pixels([stored(image) for image in images], described, color="native")
    assert_same(got, by_opencv(images, described))


@few
@given(data=st.data(), extent=extents)
def test_one_sweep_gives_what_a_pass_for_each_step_gives(
    core_parts: Any, data: st.DataObject, extent: tuple[int, int]
) -> None:
    """A Fill without rectangles changes nothing and ends a pass. Weights of colors beside an image may be added up in
    another order: float32 may differ in the last bits."""
    steps = data.draw(chains(extent))
    nothing: Step = {"type": "Fill", "rectangles": [], "value": (0.0, 0.0, 0.0)}
    apart = [part for step in steps for part in (step, nothing)]
    image = stored(pixels(*extent))
    together, separate = (core_parts.run_pixels([image], plan(s), color="native") for s in (steps, apart))
    if together.dtype == np.uint8:
        np.testing.assert_array_equal(together, separate)
    else:
        np.testing.assert_allclose(together, separate, rtol=1e-5, atol=2e-4)


RECIPE: list[Step] = [
    {"type": "Resize", "extent": (200, 267), "nearest": False},
    {"type": "Flip", "horizontal": True, "vertical": False},
    normalize(),
    {"type": "Canvas", "extent": (224, 288), "left": 0, "top": 0, "fill": (0.0, 0.0, 0.0)},
]


@pytest.mark.parametrize("options", [{}, {"subsampling": 2}, {"progressive": True}, {"subsampling": 2, "quality": 30}])
@pytest.mark.parametrize("channels", [1, 3])
def test_jpegs_are_decoded_as_they_are_needed(
    native: Any, core_parts: Any, options: dict[str, Any], channels: int
) -> None:
    data = jpeg(picture(97, 131, channels), **options)
    image = native.decode_image(data, "jpeg", [97, 131, channels], 1, "bgr")
    crop = {"type": "Canvas", "extent": (30, 50), "left": -40, "top": -20, "fill": (0.0, 0.0, 0.0)}
    for steps in ([], RECIPE, [crop], [crop, *RECIPE]):
        got = core_parts.run_pixels([("jpeg", data, [97, 131, channels])], plan(steps))
        assert_same(got, by_opencv([image], plan(steps)))


def test_pngs_and_gray_images_become_bgr(core_parts: Any) -> None:
    for channels in (1, 3):
        image = picture(60, 80, channels)
        bgr = np.repeat(image, 3, axis=2) if channels == 1 else image[:, :, ::-1]
        for compression, data in (("png", png(image)), ("none", image.tobytes())):
            got = core_parts.run_pixels([(compression, data, list(image.shape))], plan(RECIPE))
            assert_same(got, by_opencv([bgr], plan(RECIPE)))


def test_real_images(core_parts: Any, coco_mini: Path) -> None:
    for path in sorted((coco_mini / "val2017").glob("*.jpg"))[:20]:
        data = path.read_bytes()
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        height, width = image.shape[:2]
        channels = 3 if cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED).ndim == 3 else 1
        scale = min(1333 / max(height, width), 800 / min(height, width))
        steps = [
            {"type": "Resize", "extent": (int(height * scale + 0.5), int(width * scale + 0.5)), "nearest": False},
            *RECIPE[1:3],
        ]
        distorted: list[Step] = [
            {"type": "ToFloat"},
            {"type": "Canvas", "extent": (2 * height, 2 * width), "left": 51, "top": 77, "fill": MEAN},
            {"type": "Canvas", "extent": (height, width), "left": -40, "top": -30, "fill": (0.0, 0.0, 0.0)},
            {"type": "Resize", "extent": (416, 352), "nearest": False},
            RECIPE[1],
            {"type": "Photometric", "brightness": -20.5, "contrast_before": 1.2, "saturation": 0.7, "hue": 11.0,
             "contrast_after": 1.0, "order": (2, 0, 1), "largest_saturation": float("inf")},
            normalize(),
        ]  # fmt: skip
        for chain in (steps[:2], steps, distorted):
            got = core_parts.run_pixels([("jpeg", data, [height, width, channels])], plan(chain))
            assert_same(got, by_opencv([image], plan(chain)))


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.97])
def test_damage_is_found_behind_the_last_row_that_is_needed(core_parts: Any, kept: float) -> None:
    data = jpeg(picture(160, 160))
    crop = {"type": "Canvas", "extent": (8, 8), "left": 0, "top": 0, "fill": (0.0, 0.0, 0.0)}
    with pytest.raises(DecodeError, match="JPEG"):
        core_parts.run_pixels([("jpeg", data[: int(len(data) * kept)], [160, 160, 3])], plan([crop]))
