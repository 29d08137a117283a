"""penstock show: what is in the picture, by its pixels."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from support.lake import new_lake

Command = Callable[..., Any]
Lakes = Callable[[str], Path]

# One box, 16 to 48 across and 8 to 40 down, in an image of 64 x 64 pixels, in each way of writing it.
FORMATS = {
    ("pixel", "LTRB"): [16, 8, 48, 40],
    ("pixel", "LTWH"): [16, 8, 32, 32],
    ("pixel", "CCWH"): [32, 24, 32, 32],
    ("fractional", "LTRB"): [0.25, 0.125, 0.75, 0.625],
    ("fractional", "LTWH"): [0.25, 0.125, 0.5, 0.5],
    ("fractional", "CCWH"): [0.5, 0.375, 0.5, 0.5],
}
GRAY = 90


def gray_images(path: Path, boxes: dict[str, Any], count: int = 1) -> Path:
    """Plain gray images, each with one box of the class "cat"."""
    with new_lake(path) as lake:
        lake.create_tensor("images", htype="image", sample_compression="png")
        lake.create_tensor("boxes", htype="bbox", coords=boxes["coords"])
        lake.create_tensor("labels", htype="class_label", class_names=["dog", "cat"])
        for number in range(count):
            lake.images.append(np.full((64, 64, 3), GRAY + number, np.uint8))
            lake.boxes.append(np.array([boxes["box"]], np.float32))
            lake.labels.append(np.array([1], np.uint32))
    return path


def shown(run: Command, path: Path, out: Path, *options: object) -> npt.NDArray[np.uint8]:
    result = run("show", path, "--out", out, *options)
    assert (result.status, result.err) == (0, "")
    with Image.open(out) as picture:
        return np.array(picture.convert("RGB"))


def test_every_box_format_draws_the_same_box(deeplake: Any, tmp_path: Path, penstock_command: Command) -> None:
    pictures = []
    for (kind, mode), box in FORMATS.items():
        path = gray_images(tmp_path / f"{kind}{mode}", {"coords": {"type": kind, "mode": mode}, "box": box})
        pictures.append(shown(penstock_command, path, tmp_path / "x.png"))
    for picture in pictures[1:]:
        np.testing.assert_array_equal(picture, pictures[0])
    picture = pictures[0]
    # The image is a square of one gray but for the box: its edges are where the box is, in proportion.
    gray = np.all(picture == GRAY, axis=-1)
    rows, columns = np.flatnonzero(gray.any(1)), np.flatnonzero(gray.any(0))
    top, left, side = rows[0], columns[0], rows[-1] - rows[0] + 1
    drawn = ~gray[top : top + side, left : left + side]
    rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    assert abs(rows[0] / side - 8 / 64) < 0.02
    assert abs(rows[-1] / side - 40 / 64) < 0.02
    assert abs(columns[0] / side - 16 / 64) < 0.02
    assert abs(columns[-1] / side - 48 / 64) < 0.02
    assert not drawn[int(side * 0.5), int(side * 0.5)]


def test_as_many_images_as_asked_for(deeplake: Any, tmp_path: Path, penstock_command: Command) -> None:
    boxes = {"coords": {"type": "pixel", "mode": "LTWH"}, "box": [1, 1, 2, 2]}
    path = gray_images(tmp_path / "lake", boxes, count=9)

    def grays(*options: object) -> list[int]:
        picture = shown(penstock_command, path, tmp_path / "x.png", *options)
        values = picture[np.all(picture == picture[..., :1], axis=-1)][:, 0]
        return [number for number in range(9) if np.sum(values == GRAY + number) > 1000]

    assert grays("-n", 4) == [0, 1, 2, 3]
    assert grays() == list(range(9))
    shuffled = grays("-n", 4, "--shuffle", "--seed", 1)
    assert len(shuffled) == 4
    assert shuffled == grays("-n", 4, "--shuffle", "--seed", 1)
    assert any(grays("-n", 4, "--shuffle", "--seed", seed) != shuffled for seed in range(2, 5))


@pytest.mark.parametrize("name", ["jpeg_images", "png_images"])
def test_images_of_all_kinds_can_be_drawn(name: str, lake: Lakes, tmp_path: Path, penstock_command: Command) -> None:
    tensors = {"jpeg_images": ["images", "gray"], "png_images": ["rgb", "gray", "rgba", "palette"]}[name]
    for tensor in tensors:
        picture = shown(penstock_command, lake(name), tmp_path / "x.png", "--images", tensor, "-n", 30)
        assert picture.std() > 0


def test_wrong_requests(lake: Lakes, tmp_path: Path, penstock_command: Command) -> None:
    out = tmp_path / "x.png"
    for path, options, said in (
        (lake("png_images"), [], "several tensors could be meant"),
        (lake("scalars"), [], "there is no tensor of images"),
        (lake("equal_images"), ["-n", 0], "-n must be at least 1"),
        (lake("equal_images"), ["--images", "imagse"], "there is no tensor 'imagse'"),
    ):
        result = penstock_command("show", path, "--out", out, *options)
        assert result.status == 1
        assert said in result.err
        assert not out.exists()


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("none/x.png", "--out: there is no folder '"),
        ("x.docx", "--out: '.docx' is no kind of picture: name it .png or .jpg, not 'x.docx'"),
        ("x", "--out: '' is no kind of picture"),
        (".", "is a folder"),
    ],
)
def test_nothing_is_drawn_where_it_cannot_be_written(
    out: str, said: str, lake: Lakes, tmp_path: Path, penstock_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penstock.cli import show

    monkeypatch.setattr(show, "open_source", lambda arguments: pytest.fail("it has been opened"))
    result = penstock_command("show", lake("equal_images"), "--out", tmp_path / out)
    assert result.status == 1
    assert said in result.err


@pytest.mark.parametrize("inside", ["x.png", "images/x.png", "images/chunks/x.png"])
def test_nothing_is_drawn_into_a_dataset(
    inside: str, lake: Lakes, tmp_path: Path, penstock_command: Command
) -> None:
    copied = Path(shutil.copytree(lake("equal_images"), tmp_path / "lake"))
    before = sorted(copied.rglob("*"))
    result = penstock_command("show", lake("equal_images"), "--out", copied / inside)
    assert result.status == 1
    assert f"lies within the dataset '{copied.resolve()}'" in result.err or "there is no folder" in result.err
    assert sorted(copied.rglob("*")) == before


def test_a_picture_of_that_name_is_replaced_and_nothing_beside_it(
    lake: Lakes, tmp_path: Path, penstock_command: Command
) -> None:
    for name in ("x.png", "x.jpg", "x.png.partial"):
        (tmp_path / name).write_text("old")
    result = penstock_command("show", lake("equal_images"), "--images", "jpegs", "--out", tmp_path / "x.png")
    assert result.status == 0
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert [(tmp_path / name).read_text() for name in ("x.jpg", "x.png.partial")] == ["old"] * 2
    assert len(list(tmp_path.iterdir())) == 3


def test_tensors_of_another_kind(deeplake: Any, tmp_path: Path, penstock_command: Command) -> None:
    boxes = {"coords": {"type": "pixel", "mode": "LTWH"}, "box": [1, 1, 2, 2]}
    path = gray_images(tmp_path / "lake", boxes, count=1)
    for options, said in (
        (["--images", "boxes"], "these are no images: the htype is 'bbox' (tensor 'boxes'"),
        (["--boxes", "images"], "these are no boxes or labels: the htype is 'image"),
    ):
        result = penstock_command("show", path, "--out", tmp_path / "x.png", *options)
        assert result.status == 1
        assert said in result.err


def test_json_says_what_was_drawn(deeplake: Any, tmp_path: Path, penstock_command: Command) -> None:
    boxes = {"coords": {"type": "fractional", "mode": "CCWH"}, "box": FORMATS["fractional", "CCWH"]}
    path = gray_images(tmp_path / "lake", boxes, count=3)
    said = penstock_command("show", path, "--out", tmp_path / "x.png", "--json", "-n", 2).json
    assert [entry["index"] for entry in said] == [0, 1]
    assert said[1]["boxes"] == [[16, 8, 48, 40]]
    assert said[1]["labels"] == ["cat"]
    assert (said[1]["height"], said[1]["width"]) == (64, 64)


def test_the_size_of_an_image_in_the_picture(deeplake: Any, tmp_path: Path, penstock_command: Command) -> None:
    boxes = {"coords": {"type": "pixel", "mode": "LTWH"}, "box": [1, 1, 2, 2]}
    path = gray_images(tmp_path / "lake", boxes, count=4)
    sides = [shown(penstock_command, path, tmp_path / "x.png", "--cell", cell).shape[0] for cell in (320, 100)]
    assert sides[0] - sides[1] == 2 * 220
