"""Images in every color_type of LoadImageFromFile, against OpenCV."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import penstock
from penstock.errors import UnsupportedError
from penstock.format.decode import decode_image, decoding_by_pillow
from support.images import jpeg, picture, png
from support.lake import encoded, new_lake
from support.require import require

require("mmdet")

import cv2  # noqa: E402
from mmdet.datasets.pipelines import LoadImageFromFile  # noqa: E402

Decoder = Callable[..., Any]


@pytest.fixture(params=["python", "c++"])
def decoder(request: pytest.FixtureRequest) -> Decoder:
    if request.param == "python":
        # Pillow's way: the core's is the other.
        return decoding_by_pillow()(
            lambda data, compression, shape: decode_image(data, compression, shape, "uint8", "gray")
        )
    core = require("native")
    return lambda data, compression, shape: core.decode_image(data, compression or "none", shape, 1, "gray")


def opencv_gray(data: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)


@pytest.mark.parametrize("options", [{"subsampling": 0}, {"subsampling": 2}, {"progressive": True}], ids=str)
@pytest.mark.parametrize("channels", [0, 3])
def test_gray_of_jpeg(decoder: Decoder, options: dict[str, Any], channels: int) -> None:
    image = picture(45, 61, channels)
    data = jpeg(image, **options)
    np.testing.assert_array_equal(decoder(data, "jpeg", image.shape), opencv_gray(data))


def test_gray_of_photographs(decoder: Decoder, coco_mini: Path) -> None:
    for file in sorted((coco_mini / "val2017").glob("*.jpg"))[:8]:
        data = file.read_bytes()
        expected = opencv_gray(data)
        stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(decoder(data, "jpeg", stored.shape), expected)


@pytest.mark.parametrize(
    ("channels", "mode", "stored"), [(3, None, 3), (4, None, 4), (0, None, 1), (0, "LA", 2), (3, "P", 1)]
)
def test_gray_of_png(decoder: Decoder, channels: int, mode: str | None, stored: int) -> None:
    data = png(picture(33, 20, channels), mode)
    np.testing.assert_array_equal(decoder(data, "png", (33, 20, stored)), opencv_gray(data))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_gray_of_raw_pixels(decoder: Decoder, channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (90, 80, channels), dtype=np.uint8)
    np.testing.assert_array_equal(decoder(image.tobytes(), None, image.shape), opencv_gray(png(image)))


def test_images_without_a_gray_form(decoder: Decoder) -> None:
    with pytest.raises(UnsupportedError):
        decoder(bytes(2 * 3 * 5), None, (2, 3, 5))


def test_gray_of_cmyk(decoder: Decoder) -> None:
    buffer = BytesIO()
    Image.fromarray(picture(9, 9, 3)).convert("CMYK").save(buffer, "JPEG")
    data = buffer.getvalue()
    np.testing.assert_array_equal(decoder(data, "jpeg", (9, 9, 4)), opencv_gray(data))


@pytest.mark.parametrize("to_float32", [False, True])
@pytest.mark.parametrize("channel_order", ["bgr", "rgb"])
@pytest.mark.parametrize(
    "color_type",
    ["color", "color_ignore_orientation", "grayscale", "grayscale_ignore_orientation", "unchanged"],
)
def test_every_color_type(deeplake: Any, tmp_path: Path, color_type: str, channel_order: str, to_float32: bool) -> None:
    """Of RGB, RGBA, gray, and gray with alpha; loaded by MMDetection's class from files, and from Deep Lake."""
    from penstock.integrations.mmdet.data.load_image import LoadImageFromDeepLake

    files = {
        "rgb.png": png(picture(20, 30, 3)),
        "rgba.png": png(picture(20, 31, 4)),
        "gray.png": png(picture(20, 32, 0)),
        "gray_alpha.png": png(picture(20, 33, 0), "LA"),
    }
    options = {"to_float32": to_float32, "color_type": color_type, "channel_order": channel_order}
    with new_lake(tmp_path / "lake") as lake:
        lake.create_tensor("images", htype="image", sample_compression="png")
        for name, data in files.items():
            (tmp_path / name).write_bytes(data)
            lake.images.append(encoded(data, "png"))
    stock = LoadImageFromFile(**options)
    load = LoadImageFromDeepLake(penstock.open(tmp_path / "lake")["images"], **options)
    for index, name in enumerate(files):
        expected = stock({"img_prefix": str(tmp_path), "img_info": {"filename": name}})
        actual = load({"img_info": {"filename": name, "index": index}})
        assert actual["img"].dtype == expected["img"].dtype
        np.testing.assert_array_equal(actual["img"], expected["img"])
        for key in ("img_shape", "ori_shape", "img_fields", "ori_filename"):
            assert actual[key] == expected[key]
