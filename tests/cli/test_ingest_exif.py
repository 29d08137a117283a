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
from support.jpeg_planes import planes

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


def turned(array: Any, orientation: int) -> Any:
    """As EXIF defines: rows and columns are exchanged from 5 on, and then run backwards."""
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return array[:, ::-1] if orientation in (2, 3, 6, 7) else array


def as_opencv_shows(file: Path) -> Any:
    return opencv_pixels(file, 0)


def as_it_lies(file: Path) -> Any:
    return opencv_pixels(file, cv2.IMREAD_IGNORE_ORIENTATION)


def opencv_pixels(file: Path, flags: int) -> Any:
    """uint8 [height, width, 3] of red, green, blue, or [height, width] of a gray file."""
    gray = cv2.imread(str(file), cv2.IMREAD_UNCHANGED).ndim == 2
    array = cv2.imread(str(file), flags | (cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_COLOR))
    return array if gray else np.ascontiguousarray(array[..., ::-1])


def pixels(data: bytes) -> Any:
    """What is stored, whatever EXIF says."""
    with pillow.open(io.BytesIO(data)) as image:
        assert 0x0112 not in image.getexif()
        return np.asarray(image)


def check_lossless(data: bytes, stored: bytes, orientation: int) -> None:
    """Expects the file's coefficients, turned.

    Planes are compared as they are coded: to enlarge chroma rounds in a direction that is not turned. Of flips the
    inverse transform is exact, since coefficients of odd frequencies change their sign and nothing else. Transposed,
    its two passes change their order. The first keeps two bits more than the result, so that each value that enters the
    second is off by 1/8 of a level at most; the second sums up eight of them, divided by eight, by factors of at most
    sqrt(2): each order is off by less than sqrt(2) / 8, both together by less than one level.
    """
    library = turning._turbojpeg()
    before, after = planes(library, data), planes(library, stored)
    assert len(before) == len(after)
    for one, other in zip(before, after, strict=True):
        wanted = turned(one, orientation)
        assert other.shape == wanted.shape
        assert np.abs(other.astype(int) - wanted).max() <= (0 if orientation < 5 else 1)


def check_encoded(stored: bytes, shown: Any, sampling: int) -> None:
    """Expects what Pillow makes of the pixels that OpenCV shows, at the quality that ingest documents."""
    stream = io.BytesIO()
    pillow.fromarray(shown).save(stream, "JPEG", quality=turning.QUALITY, subsampling=sampling)
    np.testing.assert_array_equal(pixels(stored), pixels(stream.getvalue()))


def check_jpeg(data: bytes, sampling: int, orientation: int, file: Path) -> str:
    """Expects a JPEG file to be stored as OpenCV shows it, which is turned by ``orientation``. Returns how."""
    file.write_bytes(data)
    shown = as_opencv_shows(file)
    np.testing.assert_array_equal(shown, turned(as_it_lies(file), orientation))
    stored, how = turning.upright(data, "jpeg", file)
    if how == "kept":
        assert stored == data and orientation == 1
    elif how == "lossless":
        check_lossless(data, stored, orientation)
        assert pixels(stored).shape == shown.shape
    else:
        # Pillow writes no file whose chroma is halved in height alone.
        check_encoded(stored, shown, 0 if sampling == 1 and orientation >= 5 else sampling)
    return how


@pytest.mark.parametrize("library", ["with libturbojpeg", "without"])
@pytest.mark.parametrize("size", [(64, 48), (61, 45), (64, 45), (61, 48), (8, 8), (1, 1)])
@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {"subsampling": 0}),
        ("RGB", {"subsampling": 1}),
        ("RGB", {"subsampling": 2}),
        ("RGB", {"subsampling": 2, "progressive": True}),
        ("L", {}),
    ],
)
def test_jpeg_files(
    library: str,
    size: tuple[int, int],
    mode: str,
    options: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if library == "without":
        monkeypatch.setattr(turning, "_turbojpeg", lambda: None)
    elif turning._turbojpeg() is None:
        pytest.skip("libturbojpeg is not installed")
    sampling = options.get("subsampling", 0)
    block_width, block_height = {0: (8, 8), 1: (16, 8), 2: (16, 16)}[sampling]
    for orientation in range(11):
        data = file_of(picture(mode, size), "JPEG", orientation, quality=90, **options)
        turns = orientation if 2 <= orientation <= 8 else 1
        how = check_jpeg(data, sampling, turns, tmp_path / "x.jpg")
        # What runs backwards has to end with a whole block.
        backwards = (turns in (2, 3, 7, 8) and size[0] % block_width) or (
            turns in (3, 4, 6, 7) and size[1] % block_height
        )
        if turns == 1:
            assert how == "kept"
        else:
            assert how == ("encoded" if library == "without" or backwards else "lossless")


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA"])
def test_png_files_lose_nothing(mode: str, tmp_path: Path) -> None:
    for orientation in range(11):
        file = tmp_path / "x.png"
        file.write_bytes(file_of(picture(mode, (61, 45)), "PNG", orientation))
        stored, how = turning.upright(file.read_bytes(), "png", file)
        assert how == ("lossless" if 2 <= orientation <= 8 else "kept")
        shown = cv2.imdecode(np.frombuffer(stored, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        np.testing.assert_array_equal(shown, cv2.imread(str(file)))


def test_broken_exif_is_what_opencv_makes_of_it(tmp_path: Path) -> None:
    file = tmp_path / "x.jpg"
    data = file_of(picture("RGB", (64, 48)), "JPEG", 6)
    begin = data.index(b"Exif\0\0")
    hows = set()
    for at in range(begin, begin + 32):
        for value in (0, 0xFF):
            broken = data[:at] + bytes([value]) + data[at + 1 :]
            file.write_bytes(broken)
            shown, lies = as_opencv_shows(file), as_it_lies(file)
            (turns,) = (number for number in range(1, 9) if np.array_equal(turned(lies, number), shown))
            hows.add(check_jpeg(broken, 2, turns, file) == "kept")
    assert hows == {True, False}


def test_ingest_turns_and_says_so(shapes: Any, tmp_path: Path, penstock_command: Command) -> None:
    for number, row in enumerate(shapes.content["images"]):
        file = shapes.images / row["file_name"]
        with pillow.open(file) as image:
            file.write_bytes(file_of(image, "JPEG", number % 8 + 1))
    result = penstock_command("ingest-coco", shapes.annotations, shapes.images, tmp_path / "out", "--json")
    summary = result.json
    assert summary["turned_lossless"] + summary["turned_encoded"] == 35
    dataset = penstock.open(tmp_path / "out")
    wrong, hows = 0, []
    for index, row in enumerate(shapes.content["images"]):
        file = shapes.images / row["file_name"]
        hows.append(check_jpeg(file.read_bytes(), 2, index % 8 + 1, file))
        assert dataset["images"].bytes(index) == turning.upright(file.read_bytes(), "jpeg", file)[0]
        wrong += dataset["images"][index].shape[:2] != (row["height"], row["width"])
    assert (summary["turned_lossless"], summary["turned_encoded"]) == (hows.count("lossless"), hows.count("encoded"))
    assert summary["wrong_sizes"] == wrong
    if wrong:
        assert f"{wrong} images have another size" in result.err
    arguments = (shapes.annotations, shapes.images, tmp_path / "as", "--exif", "keep", "--json")
    kept = penstock_command("ingest-coco", *arguments)
    assert kept.json["turned_lossless"] == kept.json["turned_encoded"] == 0
    file = shapes.images / shapes.content["images"][5]["file_name"]
    assert penstock.open(tmp_path / "as")["images"].bytes(5) == file.read_bytes()
