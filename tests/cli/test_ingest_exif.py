"""Images with an EXIF orientation: stored as OpenCV shows them, and without it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.ingest import turning

Command = Callable[..., Any]
cv2 = pytest.importorskip("cv2")
pillow = pytest.importorskip("PIL.Image")


def picture(mode: str, size: tuple[int, int]) -> Any:
    coarse = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    return pillow.fromarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)).convert(mode)


def file_of(image: Any, kind: str, orientation: int, **options: Any) -> bytes:
    exif = pillow.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    image.save(stream, kind, exif=exif.tobytes(), **options)
    return stream.getvalue()


def check(data: bytes, kind: str, tolerance: int, file: Path) -> str:
    file.write_bytes(data)
    wanted = cv2.imread(str(file))
    stored, how = turning.upright(data, kind, file)
    got = cv2.imdecode(np.frombuffer(stored, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    assert got.shape == wanted.shape
    difference = np.abs(got.astype(int) - wanted)
    assert difference.max() <= tolerance
    # Half of the chroma of so small and colourful a picture is rounded anew: 2.6 was measured.
    assert difference.mean() <= 3
    if how != "kept":
        assert 0x0112 not in pillow.open(io.BytesIO(stored)).getexif()
    return how


@pytest.mark.parametrize("size", [(64, 48), (61, 45), (64, 45)])
@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {"subsampling": 0}),
        ("RGB", {"subsampling": 2}),
        ("RGB", {"subsampling": 2, "progressive": True}),
        ("L", {}),
    ],
)
def test_jpeg_files(size: tuple[int, int], mode: str, options: dict[str, Any], tmp_path: Path) -> None:
    for orientation in range(11):
        data = file_of(picture(mode, size), "JPEG", orientation, quality=90, **options)
        how = check(data, "jpeg", 20, tmp_path / "x.jpg")
        if not 2 <= orientation <= 8:
            assert how == "kept"
        elif turning._turbojpeg() is not None and size == (64, 48):
            assert how == "lossless"
            # Coefficients are the same: what differs is rounding.
            check(data, "jpeg", 4, tmp_path / "x.jpg")


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA"])
def test_png_files_lose_nothing(mode: str, tmp_path: Path) -> None:
    for orientation in range(11):
        check(file_of(picture(mode, (61, 45)), "PNG", orientation), "png", 0, tmp_path / "x.png")


def test_broken_exif_is_what_opencv_makes_of_it(tmp_path: Path) -> None:
    data = file_of(picture("RGB", (64, 48)), "JPEG", 6)
    begin = data.index(b"Exif\0\0")
    for at in range(begin, begin + 32):
        for value in (0, 0xFF):
            check(data[:at] + bytes([value]) + data[at + 1 :], "jpeg", 20, tmp_path / "x.jpg")


def test_ingest_turns_and_says_so(shapes: Any, tmp_path: Path, penstock_command: Command) -> None:
    for number, row in enumerate(shapes.content["images"]):
        file = shapes.images / row["file_name"]
        with pillow.open(file) as image:
            file.write_bytes(file_of(image, "JPEG", number % 8 + 1))
    result = penstock_command("ingest-coco", shapes.annotations, shapes.images, tmp_path / "out", "--json")
    summary = result.json
    assert summary["turned_lossless"] + summary["turned_encoded"] == 35
    dataset = penstock.open(tmp_path / "out")
    wrong = 0
    for index, row in enumerate(shapes.content["images"]):
        wanted = cv2.imread(str(shapes.images / row["file_name"]))[..., ::-1]
        got = dataset["images"][index]
        assert got.shape == wanted.shape
        assert np.abs(got.astype(int) - wanted).mean() < 3
        wrong += wanted.shape[:2] != (row["height"], row["width"])
    assert summary["wrong_sizes"] == wrong
    if wrong:
        assert f"{wrong} images have another size" in result.err
    arguments = (shapes.annotations, shapes.images, tmp_path / "as", "--exif", "keep", "--json")
    kept = penstock_command("ingest-coco", *arguments)
    assert kept.json["turned_lossless"] == kept.json["turned_encoded"] == 0
    file = shapes.images / shapes.content["images"][5]["file_name"]
    assert penstock.open(tmp_path / "as")["images"].bytes(5) == file.read_bytes()
