"""Detectron2's steps: what they draw, and both loaders on a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.detection import augmentations as aug
from penstock.detection import steps as st
from penstock.detection.annotation_table import empty_table
from penstock.detection.reference import run_step
from penstock.detection.reference.image_moves import Cropped, Flipped, Padded, Resized, drawn_moves, size_after
from penstock.errors import TransformError
from penstock.loading.draws import Draws, Stream
from penstock.loading.native.part import NativePart
from penstock.loading.program import Program
from support.images import jpeg, picture
from support.lake import encoded, new_lake

SIZES = [(48, 64), (33, 47), (16, 16), (17, 31), (40, 40), (90, 30), (61, 59)]
#: What this numpy does.
DOUBLES = (np.float64(1) + np.zeros(1, np.float32)).dtype == np.float64
GRAYS = np.arange(256, dtype=np.uint8).reshape(1, -1, 1) * np.ones(3, np.uint8)
FUSED = not np.array_equal(
    GRAYS.dot([0.299, 0.587, 0.114]), GRAYS[..., 0] * 0.299 + GRAYS[..., 1] * 0.587 + GRAYS[..., 2] * 0.114
)
PIPELINES: dict[str, tuple[Any, ...]] = {
    "range": (aug.ResizeShortestEdge((30, 90), 100), st.RandomFlip(("horizontal",), (0.5, 0.5))),
    "choice": (aug.ResizeShortestEdge((30, 64, 0), 90, is_range=False), st.RandomFlip(("vertical",), (0.3, 0.7))),
    "nearest": (aug.ResizeShortestEdge((40, 40), 60, nearest=True),),
    "crop first": (
        st.RandomCrop((0.4, 0.6), "relative_range", allow_negative_crop=True),
        aug.ResizeShortestEdge((64, 64), 1333, is_range=False),
        st.RandomFlip(("horizontal",), (1.0, 0.0)),
    ),
    "scale and crop": (aug.ResizeScale(0.1, 2.0, 70, 90), aug.FixedSizeCrop((70, 90))),
    "crop without pad": (aug.ResizeScale(0.5, 2.0, 70, 90, nearest=True), aug.FixedSizeCrop((50, 60), pad=False)),
    "exactly": (aug.ResizeExactly((33, 71)), st.RandomCrop((20, 40), "absolute_range", allow_negative_crop=True)),
    "levels": (
        aug.RandomLevels("black", 0.2, 1.8), aug.ResizeExactly((33, 71)), aug.RandomLevels("mean", 0.2, 1.8, DOUBLES),
        aug.RandomLevels("gray", 0.2, 1.8, fused=FUSED), st.RandomFlip(("vertical",), (0.5, 0.5)),
    ),
    "twice": (aug.ResizeExactly((33, 71)), aug.FixedSizeCrop((40, 90), pad_value=3.0), aug.ResizeExactly((64, 64))),
}


class FixedDraws(Draws):
    """Gives the same number each time."""

    def __init__(self, value: float) -> None:
        super().__init__(np.random.default_rng(0))
        self._value = value

    def random(self) -> float:
        return self._value


@pytest.mark.parametrize(
    ("step", "size", "draw", "moves"),
    [
        (aug.ResizeShortestEdge((800, 800), 1333), (480, 640), 0.5, [Resized((480, 640), (800, 1067), False)]),
        (aug.ResizeShortestEdge((800, 800), 1333), (640, 480), 0.5, [Resized((640, 480), (1067, 800), False)]),
        (aug.ResizeShortestEdge((800, 800), 1333), (300, 1000), 0.5, [Resized((300, 1000), (400, 1333), False)]),
        (aug.ResizeShortestEdge((10, 20), 99), (30, 30), 0.999, [Resized((30, 30), (20, 20), False)]),
        (aug.ResizeShortestEdge((10, 20), 99, is_range=False), (30, 30), 0.4, [Resized((30, 30), (10, 10), False)]),
        (aug.ResizeShortestEdge((0,), 99, is_range=False), (30, 30), 0.4, []),
        (aug.ResizeScale(0.5, 1.5, 100, 100), (50, 40), 0.5, [Resized((50, 40), (100, 80), False)]),
        # Half of it is even: 2.5 becomes 2, as numpy rounds.
        (aug.ResizeScale(1, 1, 5, 5), (10, 5), 0.5, [Resized((10, 5), (5, 2), False)]),
        (aug.ResizeExactly((7, 9), True), (50, 40), 0.5, [Resized((50, 40), (7, 9), True)]),
        (aug.FixedSizeCrop((40, 40), pad=False), (50, 60), 0.5, [Cropped(10, 5, 40, 40, (50, 60))]),
        (
            aug.FixedSizeCrop((40, 80)), (50, 60), 0.5,
            [Cropped(0, 5, 40, 80, (50, 60)), Padded(20, 0, 128.0, 255, (40, 60))],
        ),
        (st.RandomCrop((0.5, 0.5), "relative"), (50, 60), 0.999, [Cropped(30, 25, 25, 30, (50, 60))]),
        (st.RandomFlip(("vertical",), (0.5, 0.5)), (50, 60), 0.4, [Flipped(False, True, (50, 60))]),
        (st.RandomFlip(("vertical",), (0.5, 0.5)), (50, 60), 0.5, []),
    ],
)  # fmt: skip
def test_what_is_drawn(step: Any, size: tuple[int, int], draw: float, moves: list[Any]) -> None:
    assert drawn_moves(step, size, FixedDraws(draw)) == moves


def test_sizes_add_up() -> None:
    moves = [Resized((5, 6), (50, 60), False), Cropped(50, 10, 100, 100, (50, 60)), Padded(5, 6, 0, 0, (40, 10))]
    assert size_after(moves, (5, 6)) == (46, 15)


def test_an_image_does_not_vanish() -> None:
    with pytest.raises(TransformError, match=r"would become one of 10 x 0 \(height x width\)"):
        drawn_moves(aug.ResizeShortestEdge((10, 10), 10), (1000, 1), FixedDraws(0.5))


@pytest.mark.parametrize("step", [aug.ResizeExactly((5, 6)), aug.FixedSizeCrop((5, 6))])
def test_masks_come_later(step: Any) -> None:
    results = {"img": np.zeros((9, 9, 3), np.uint8), "gt_masks": object(), "mask_fields": ["gt_masks"]}
    with pytest.raises(TransformError, match="masks are loaded before it"):
        run_step(step, results, Stream(0, 0, 0), 0)


@pytest.fixture(scope="module")
def pictures(deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "lake"
    with new_lake(path) as lake:
        lake.create_tensor("images", htype="image", sample_compression="jpeg")
        for number, size in enumerate(SIZES):
            lake.images.append(encoded(jpeg(picture(*size, 3, seed=number), subsampling=0), "jpeg"))
    return path


def program(path: Path, pipeline: tuple[Any, ...]) -> Program:
    """A pipeline of these steps alone: each sample becomes its image."""
    steps = (st.LoadImage(), *pipeline)
    count = len(penstock.open(path))

    def run(sample: dict[str, Any], stream: Stream) -> Any:
        results: Any = {"img": sample["img"], "img_info": {"filename": ""}}
        for number, step in enumerate(steps):
            results = run_step(step, results, stream, number)
        return results["img"]

    return Program(
        run=run,
        collate=list,
        color={"img": "bgr"},
        needs_index=True,
        native=NativePart(
            steps=(*steps, st.Format()),
            table=lambda: empty_table(np.arange(count)),
            image="img", masks=None, bitmaps=False, gray=False, layout="planes", pad_value=0,
            resume=lambda sample, stream: sample.image.transpose(1, 2, 0).copy(),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
def test_both_loaders_give_the_same(native: Any, pictures: Path, pipeline: tuple[Any, ...]) -> None:
    given: list[list[Any]] = []
    options: Any = {"tensors": {"img": "images"}, "transform": program(pictures, pipeline), "seed": 5}
    for loader_type in ("python", "c++"):
        with penstock.DataLoader(pictures, 3, loader_type=loader_type, **options) as loader:
            given.append([image for _ in range(2) for batch in loader for image in batch])
    assert len(given[0]) == 2 * len(SIZES)
    for expected, got in zip(*given, strict=True):
        np.testing.assert_array_equal(got, expected, strict=True)
