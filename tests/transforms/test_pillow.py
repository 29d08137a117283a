"""The core's and the Python loader's resampling against Pillow itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from PIL import Image

from penstock.detection.reference import pillow
from penstock.detection.reference.image_moves import Cropped, Flipped, Padded, image_after
from penstock.errors import TransformError
from support.examples import examples

many = examples(200, suppress_health_check=[HealthCheck.function_scoped_fixture])
Pixels = npt.NDArray[np.uint8]
Step = dict[str, Any]
extents = st.tuples(st.integers(1, 260), st.integers(1, 260))
channel_counts = st.sampled_from((3, 3, 1))


def noise(extent: tuple[int, int], channels: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (*extent, channels), dtype=np.uint8)


def by_pillow(image: Pixels, extent: tuple[int, int], nearest: bool) -> Pixels:
    how = Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
    made = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).resize(extent[::-1], how)
    return np.asarray(made).reshape(*extent, image.shape[2])


def by_core(core: Any, image: Pixels, steps: list[Step], **options: Any) -> Any:
    plan = {"source": 0, "channels": image.shape[2], "steps": steps}
    stored = ("none", image.tobytes(), list(image.shape))
    return core.run_pixels([stored], plan, color="rgb", **options)


def resize(extent: tuple[int, int], nearest: bool = False) -> Step:
    return {"type": "Resize", "extent": extent, "nearest": nearest, "pillow": True}


@many
@given(before=extents, after=extents, channels=channel_counts, nearest=st.booleans(), seed=st.integers(0, 5))
def test_any_size_becomes_what_pillow_makes_of_it(
    core_parts: Any, before: tuple[int, int], after: tuple[int, int], channels: int, nearest: bool, seed: int
) -> None:
    image = noise(before, channels, seed)
    expected = by_pillow(image, after, nearest)
    np.testing.assert_array_equal(by_core(core_parts, image, [resize(after, nearest)]), expected)
    np.testing.assert_array_equal(pillow.resize(None, image, after, nearest=nearest), expected)


@pytest.mark.parametrize("before", [(480, 640), (427, 640), (640, 333), (1200, 1600), (2, 3000)])
@pytest.mark.parametrize("after", [(800, 1067), (800, 1333), (320, 240), (33, 17), (1, 1)])
@pytest.mark.parametrize("nearest", [False, True])
def test_sizes_of_photographs(core_parts: Any, before: tuple[int, int], after: tuple[int, int], nearest: bool) -> None:
    image = noise(before, 3)
    expected = by_pillow(image, after, nearest)
    np.testing.assert_array_equal(by_core(core_parts, image, [resize(after, nearest)]), expected)


@pytest.mark.parametrize("level", [0, 1, 127, 128, 254, 255])
def test_one_color_stays(core_parts: Any, level: int) -> None:
    image = np.full((37, 91, 3), level, np.uint8)
    assert (by_core(core_parts, image, [resize((64, 64))]) == level).all()


@st.composite
def moves(draw: st.DrawFn, extent: tuple[int, int]) -> tuple[list[Step], list[Any], tuple[int, int]]:
    """Crops, flips and pads: as steps of the core, as moves, and the extent after them."""
    steps: list[Step] = []
    done: list[Any] = []
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(("crop", "flip", "pad")))
        if kind == "crop":
            height, width = draw(st.integers(1, extent[0])), draw(st.integers(1, extent[1]))
            top, left = draw(st.integers(0, extent[0] - height)), draw(st.integers(0, extent[1] - width))
            done.append(Cropped(left, top, height, width, extent))
            extent = height, width
            steps.append({"type": "Canvas", "extent": extent, "left": -left, "top": -top, "fill": (0, 0, 0)})
        elif kind == "flip":
            horizontal, vertical = draw(st.booleans()), draw(st.booleans())
            done.append(Flipped(horizontal, vertical, extent))
            steps.append({"type": "Flip", "horizontal": horizontal, "vertical": vertical})
        else:
            right, below = draw(st.integers(0, 30)), draw(st.integers(0, 30))
            done.append(Padded(right, below, 128.0, 255, extent))
            extent = extent[0] + below, extent[1] + right
            steps.append({"type": "Canvas", "extent": extent, "left": 0, "top": 0, "fill": (128, 128, 128)})
    return steps, done, extent


@many
@given(data=st.data(), before=extents, channels=channel_counts, planar=st.booleans())
def test_chains_of_moves_around_a_resize(
    core_parts: Any, data: st.DataObject, before: tuple[int, int], channels: int, planar: bool
) -> None:
    image = noise(before, channels)
    first, moved, _ = data.draw(moves(before))
    after, nearest = data.draw(extents), data.draw(st.booleans())
    second, moved_after, extent = data.draw(moves(after))
    expected = image_after(None, moved, image)
    expected = image_after(None, moved_after, by_pillow(np.ascontiguousarray(expected), after, nearest))
    padded = extent[0] + 3, extent[1] + 5
    got = by_core(
        core_parts, image, [*first, resize(after, nearest), *second], planar=planar, padded=padded, pad_value=7
    )
    got = got.transpose(1, 2, 0) if planar else got
    np.testing.assert_array_equal(got[: extent[0], : extent[1]], expected)
    assert (got[extent[0] :] == 7).all() and (got[:, extent[1] :] == 7).all()


@pytest.mark.parametrize(
    "then", [{"type": "ToFloat"}, resize((50, 20)), {"type": "Resize", "extent": (9, 40), "nearest": False}]
)
def test_what_follows_begins_anew(core_parts: Any, then: Step) -> None:
    image = noise((60, 80), 3)
    whole = by_core(core_parts, image, [resize((40, 30)), then])
    halves = by_core(core_parts, by_core(core_parts, image, [resize((40, 30))]), [then])
    np.testing.assert_array_equal(whole, halves)


def test_pillow_takes_no_floats() -> None:
    with pytest.raises(TransformError, match="the image is float32, not uint8"):
        pillow.resize("a step", np.zeros((4, 4, 3), np.float32), (2, 2))
