"""Decoding images: colors, and damage."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import penstock
from penstock.errors import DecodeError, UnsupportedError
from penstock.format import decode_image
from support.damage import replace_sample, shorten_sample
from support.images import jpeg, picture, png
from support.lake import open_lake

Lakes = Callable[[str], Path]


def test_colors_are_those_of_opencv(lake: Lakes) -> None:
    """MMDetection's LoadImageFromFile decodes with cv2 to BGR. PNG is lossless: nothing may differ."""
    cv2 = pytest.importorskip("cv2")
    for name in ("rgb", "gray", "rgba", "gray_alpha", "palette", "bits_uint8"):
        tensor = penstock.open(lake("png_images"))[name]
        for index in range(len(tensor)):
            stored = np.frombuffer(tensor.bytes(index), dtype=np.uint8)
            expected = cv2.imdecode(stored, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
            assert np.array_equal(tensor.read(index, "bgr"), expected), f"{name}[{index}]"
            assert np.array_equal(tensor.read(index, "rgb"), expected[:, :, ::-1]), f"{name}[{index}]"


def test_jpeg_colors(lake: Lakes) -> None:
    tensor = penstock.open(lake("jpeg_images"))["images"]
    for index in range(len(tensor) - 1):
        native, rgb, bgr = (tensor.read(index, color) for color in ("native", "rgb", "bgr"))
        assert np.array_equal(rgb, np.repeat(native, 3, axis=2) if native.shape[2] == 1 else native)
        assert np.array_equal(bgr, rgb[:, :, ::-1])
        assert bgr.dtype == np.uint8
        assert bgr.flags.writeable
        assert bgr.flags.c_contiguous
    assert tensor.read(len(tensor) - 1, "bgr").shape == (0, 0, 0)


@pytest.mark.parametrize("name", ["plain", "lz4_samples", "lz4_chunks"])
def test_raw_colors(lake: Lakes, name: str) -> None:
    tensor = penstock.open(lake("raw_images"))[name]
    for index in range(len(tensor) - 1):
        native = tensor[index]
        expected = np.repeat(native, 3, axis=2) if native.shape[2] == 1 else native[:, :, :3]
        assert np.array_equal(tensor.read(index, "rgb"), expected)
        assert np.array_equal(tensor.read(index, "bgr"), expected[:, :, ::-1])


def test_colors_that_are_not_defined(lake: Lakes) -> None:
    images = penstock.open(lake("png_images"))
    for name in ("deep_int32", "deep_uint16", "bits"):
        with pytest.raises(UnsupportedError, match="color conversion") as caught:
            images[name].read(0, "bgr")
        assert (caught.value.tensor, caught.value.index) == (name, 0)
    cmyk = Image.fromarray(picture(8, 9, 4), "CMYK")
    buffer = BytesIO()
    cmyk.save(buffer, "JPEG")
    assert decode_image(buffer.getvalue(), "jpeg", (8, 9, 4), "uint8").shape == (8, 9, 4)
    # Of CMYK it is OpenCV's: tests/transforms/test_cmyk.py.
    assert decode_image(buffer.getvalue(), "jpeg", (8, 9, 4), "uint8", "rgb").shape == (8, 9, 3)
    with pytest.raises(UnsupportedError, match="2 channels"):
        decode_image(bytes(12), None, (2, 3, 2), "uint8", "rgb")
    with pytest.raises(UnsupportedError, match="mp4"):
        decode_image(b"", "mp4", (2, 3, 3), "uint8")


@pytest.mark.parametrize("color", ["native", "rgb", "bgr"])
@pytest.mark.parametrize("make", [jpeg, png])
def test_data_that_ends_early(make: Callable[[np.ndarray], bytes], color: str) -> None:
    data = make(picture(40, 50))
    compression = make.__name__
    for kept in (0, 1, 10, len(data) // 4, len(data) // 2, len(data) * 3 // 4):
        with pytest.raises(DecodeError):
            decode_image(data[:kept], compression, (40, 50, 3), "uint8", color)


@pytest.mark.parametrize(
    "shape", [(50, 40, 3), (40, 50), (40, 50, 1), (40, 50, 4), (41, 50, 3), (40, 50, 3, 1)]
)
@pytest.mark.parametrize("make", [jpeg, png])
def test_another_shape_than_stated(make: Callable[[np.ndarray], bytes], shape: tuple[int, ...]) -> None:
    data = make(picture(40, 50))
    for color in ("native", "bgr"):
        with pytest.raises(DecodeError, match=r"the dataset says|two or three axes"):
            decode_image(data, make.__name__, shape, "uint8", color)  # type: ignore[arg-type]


def test_one_format_in_the_place_of_another() -> None:
    with pytest.raises(DecodeError):
        decode_image(png(picture(8, 9)), "jpeg", (8, 9, 3), "uint8")
    with pytest.raises(DecodeError):
        decode_image(jpeg(picture(8, 9)), "png", (8, 9, 3), "uint8")


@pytest.mark.parametrize("damage", ["zeros", "random", "shortened"])
def test_damaged_images_in_a_dataset_are_placed(lake_copy: Lakes, damage: str) -> None:
    path = lake_copy("jpeg_images")
    index = 8

    if damage == "zeros":
        replace_sample(path, "images", index, lambda data: bytes(len(data)))
    elif damage == "random":
        replace_sample(path, "images", index, lambda data: np.random.default_rng(0).bytes(len(data)))
    else:
        shorten_sample(path, "images", index)
    tensor = penstock.open(path)["images"]
    for read in (lambda: tensor[index], lambda: tensor.read(index, "bgr"), tensor.numpy_all):
        with pytest.raises(DecodeError) as caught:
            read()
        row, _ = tensor.chunks.locate(index)
        assert (caught.value.tensor, caught.value.index) == ("images", index)
        assert (caught.value.path, caught.value.chunk) == (str(path), tensor.chunks.key(row))
        assert isinstance(caught.value, ValueError)
    assert len(tensor.shapes()) == len(tensor)
    assert tensor[index - 1].size > 0


def test_an_end_marker_in_the_middle_is_read_as_deeplake_reads_it(lake_copy: Lakes) -> None:
    """libjpeg fills the rest up and everyone goes on: only bytes that run out are an error."""
    path = lake_copy("jpeg_images")

    def end_early(data: bytes) -> bytes:
        half = len(data) // 2
        return data[:half] + b"\xff\xd9" + bytes(len(data) - half - 2)

    replace_sample(path, "images", 8, end_early)
    with open_lake(path) as theirs:
        assert np.array_equal(penstock.open(path)["images"][8], theirs.images[8].numpy())
