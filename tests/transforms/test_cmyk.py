"""JPEGs of CMYK and YCCK in the colors of pipelines, against OpenCV, which MMDetection reads them with."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from penstock.format.decode import decode_image, decoding_by_pillow
from support.images import picture
from support.require import require

Decoder = Callable[[bytes, tuple[int, ...], str], Any]


@pytest.fixture(params=["python", "native"])
def decoder(request: pytest.FixtureRequest) -> Decoder:
    if request.param == "python":
        # Pillow's way: the core's is the other.
        return decoding_by_pillow()(lambda data, shape, color: decode_image(data, "jpeg", shape, "uint8", color))
    core = require("native")
    return lambda data, shape, color: core.decode_image(data, "jpeg", shape, 1, color)


def cmyk(height: int, width: int, *, adobe: int | None = 0, **options: Any) -> bytes:
    """A file of random inks; ``adobe``: the transform that the Adobe marker states, None: no marker. With 2 the same
    bytes are read as YCCK.
    """
    buffer = BytesIO()
    Image.fromarray(picture(height, width, 4), "CMYK").save(buffer, "JPEG", **options)
    data = buffer.getvalue()
    at = data.find(b"\xff\xee")
    assert at > 0 and data[at + 4 : at + 9] == b"Adobe"
    end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    if adobe is None:
        return data[:at] + data[end:]
    return data[: end - 1] + bytes([adobe]) + data[end:]


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 20}, {"quality": 100}], ids=str)
@pytest.mark.parametrize("adobe", [0, 2, None])
@pytest.mark.parametrize("size", [(1, 1), (17, 30), (64, 33)])
def test_as_opencv(decoder: Decoder, size: tuple[int, int], adobe: int | None, options: dict[str, Any]) -> None:
    data = cmyk(*size, adobe=adobe, **options)
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decoder(data, (*size, 4), "bgr"), expected)
    np.testing.assert_array_equal(decoder(data, (*size, 4), "rgb"), expected[:, :, ::-1])
    gray = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(decoder(data, (*size, 4), "gray"), gray)


def test_as_stored_it_is_pillows(decoder: Decoder) -> None:
    data = cmyk(17, 30)
    np.testing.assert_array_equal(decoder(data, (17, 30, 4), "native"), np.array(Image.open(BytesIO(data))))
