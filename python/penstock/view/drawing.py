"""Images with what is annotated in them, side by side in one picture."""

from __future__ import annotations

import colorsys
import math
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.dataset.outputs import check_output_file
from penstock.errors import ConfigError
from penstock.extras import import_extra
from penstock.printable import printable

__all__ = ["CELL", "annotated", "check_picture", "draw_grid", "filled_polygons", "instance_color", "text_color"]

#: Side of an image's place in a picture, in pixels.
CELL = 320
_MARGIN = 6
_IGNORED = (150, 150, 150)
_DASH = 5

_Pixels = npt.NDArray[np.uint8]
_Color = tuple[int, int, int]


def annotated(
    pixels: _Pixels,
    ltwh: npt.NDArray[np.float64],
    texts: Sequence[str],
    scores: Sequence[float] | None = None,
    *,
    masks: npt.NDArray[np.bool_] | None = None,
    ignored: npt.NDArray[np.float64] | None = None,
    cell: int = CELL,
) -> Any:
    """An image in the size of a grid's cell with boxes and their texts, each text in a colour of its own.

    Args:
        pixels: uint8 (h, w, 3), RGB.
        ltwh: Boxes [n, 4], left, top, width, height in pixels.
        texts: One for each box; may be empty.
        scores: Of predictions, one for each box: written behind the text.
        masks: bool [n, h, w], one for each box: laid over the image, each in a colour of its own.
        ignored: Boxes [m, 4] that do not count: dashed and gray.
        cell: The longer side of the result.
    """
    pillow = import_extra("PIL.Image", "drawing", "cli")
    draw_module = import_extra("PIL.ImageDraw", "drawing", "cli")
    font = import_extra("PIL.ImageFont", "drawing", "cli").load_default()
    picture = pillow.fromarray(pixels if masks is None else _tinted(pixels, masks))
    # Scaled before it is drawn on: lines and letters keep their size.
    scale = cell / max(picture.size)
    picture = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    draw = draw_module.Draw(picture)
    for box in [] if ignored is None else (ignored * scale).tolist():
        for line in _dashes(*_corners(*box)):
            draw.line(line, fill=_IGNORED, width=2)
    numbers = [""] * len(texts) if scores is None else [f" {score:.2f}" for score in scores]
    for box, name, number in zip((ltwh * scale).tolist(), texts, numbers, strict=True):
        color, text = text_color(name), printable(name) + number
        left, top, right, bottom = _corners(*box)
        draw.rectangle((left, top, right, bottom), outline=color, width=2)
        if text:
            where = (left + 3, max(0.0, top + 1))
            draw.rectangle(draw.textbbox(where, text, font=font), fill=color)
            draw.text(where, text, fill="black", font=font)
    return picture


def check_picture(path: Path) -> None:
    """Raises ConfigError for a file that no picture can be written to, before anything is drawn."""
    pillow = import_extra("PIL.Image", "drawing", "cli")
    check_output_file("--out", path)
    if path.suffix.lower() not in pillow.registered_extensions():
        raise ConfigError(f"--out: '{path.suffix}' is no kind of picture: name it .png or .jpg, not '{path.name}'")


def draw_grid(pictures: list[Any], *, cell: int = CELL) -> Any:
    """Pictures of at most ``cell`` pixels a side, side by side in rows."""
    pillow = import_extra("PIL.Image", "drawing", "cli")
    columns = math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    step = cell + _MARGIN
    grid = pillow.new("RGB", (columns * step + _MARGIN, rows * step + _MARGIN), "white")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        left = _MARGIN + column * step + (cell - picture.width) // 2
        top = _MARGIN + row * step + (cell - picture.height) // 2
        grid.paste(picture, (left, top))
    return grid


def filled_polygons(polygons: Sequence[npt.NDArray[np.float64]], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """The pixels of outlines [points, 2] of x and y, bool [n, h, w]: nearly those of COCO's tools, to be looked at."""
    pillow = import_extra("PIL.Image", "drawing", "cli")
    draw_module = import_extra("PIL.ImageDraw", "drawing", "cli")
    height, width = size
    filled = np.zeros((len(polygons), height, width), np.bool_)
    for number, points in enumerate(polygons):
        if len(points) >= 3 and np.isfinite(points).all():
            picture = pillow.new("1", (width, height))
            draw_module.Draw(picture).polygon([tuple(point) for point in points.tolist()], fill=1)
            filled[number] = np.asarray(picture)
    return filled


def instance_color(number: int) -> _Color:
    """Of the ``number``-th mask of an image: neighbours differ."""
    return _of_hue(number * 0.381966 % 1)  # the golden ratio's section of the circle


def _tinted(pixels: _Pixels, masks: npt.NDArray[np.bool_]) -> _Pixels:
    tinted = pixels.copy()
    for number, mask in enumerate(masks):
        tinted[mask] = (tinted[mask].astype(np.uint16) + np.array(instance_color(number), np.uint16)) // 2
    return tinted


def _corners(left: float, top: float, width: float, height: float) -> tuple[float, float, float, float]:
    return left, top, max(left, left + width), max(top, top + height)


def _dashes(left: float, top: float, right: float, bottom: float) -> Iterator[tuple[float, float, float, float]]:
    for x in np.arange(left, right, 2 * _DASH).tolist():
        for y in (top, bottom):
            yield x, y, min(x + _DASH, right), y
    for y in np.arange(top, bottom, 2 * _DASH).tolist():
        for x in (left, right):
            yield x, y, x, min(y + _DASH, bottom)


def text_color(text: str) -> _Color:
    """The same for the same text in every picture."""
    return _of_hue(zlib.crc32(text.encode(errors="replace")) % 360 / 360)


def _of_hue(hue: float) -> _Color:
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)
