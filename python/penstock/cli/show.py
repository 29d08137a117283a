"""``penstock show``: a picture of a dataset's images with their boxes and class names."""

from __future__ import annotations

import argparse
import colorsys
import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.boxes import BoxFormat
from penstock.cli.source import add_source, open_source
from penstock.dataset import Dataset, Tensor
from penstock.errors import ConfigError
from penstock.extras import import_extra

__all__ = ["add_parser", "annotated", "draw_grid"]

_CELL = 320
_MARGIN = 6


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "show", help="draw images with their boxes", description="Draws images with their boxes and class names."
    )
    add_source(parser)
    parser.add_argument("--out", required=True, type=Path, help="the picture to write, for example x.png")
    parser.add_argument("-n", type=int, default=16, help="how many images (default: 16)")
    parser.add_argument("--shuffle", action="store_true", help="random ones, else the first")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", metavar="NAME", help="tensor of images; default: the only one")
    parser.add_argument("--boxes", metavar="NAME", help="tensor of boxes; default: the only one, if any")
    parser.add_argument("--labels", metavar="NAME", help="tensor of labels; default: the only one, if any")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.n < 1:
        raise ValueError(f"-n must be at least 1, got {arguments.n}")
    dataset = open_source(arguments)
    images = _tensor(dataset, arguments.images, {"image", "image.rgb", "image.gray"})
    if images is None:
        raise ConfigError("there is no tensor of images", path=dataset.path)
    boxes = _tensor(dataset, arguments.boxes, {"bbox"})
    labels = _tensor(dataset, arguments.labels, {"class_label"})
    indices = np.arange(len(images))
    if arguments.shuffle:
        indices = np.random.default_rng(arguments.seed).permutation(indices)
    grid = draw_grid([_picture(images, boxes, labels, int(index)) for index in indices[: arguments.n]])
    grid.save(arguments.out)
    print(arguments.out)
    return 0


def _tensor(dataset: Dataset, name: str | None, htypes: set[str]) -> Tensor | None:
    if name is not None:
        return dataset[name]
    found = [
        tensor
        for tensor in dataset.tensors.values()
        if tensor.base_htype in htypes and not tensor.is_sequence and not tensor.unsupported()
    ]
    if len(found) > 1:
        names = ", ".join(f"'{tensor.name}'" for tensor in found)
        raise ConfigError(f"several tensors could be meant: {names}", path=dataset.path, hint="Name one")
    return found[0] if found else None


def _picture(images: Tensor, boxes: Tensor | None, labels: Tensor | None, index: int) -> Any:
    """One image with its boxes, scaled to its cell, as a Pillow image."""
    pixels = images.read(index, "rgb")
    if 0 in pixels.shape:
        pixels = np.zeros((_CELL // 2, _CELL, 3), np.uint8)
    ltwh: npt.NDArray[np.float64] = np.zeros((0, 4))
    texts: list[str] = []
    if boxes is not None and index < len(boxes):
        ltwh = BoxFormat.of(boxes).to_ltwh(boxes[index].reshape(-1, 4), *pixels.shape[:2])
        texts = _class_names(labels, index, len(ltwh))
    return annotated(pixels, ltwh, texts)


def _class_names(labels: Tensor | None, index: int, count: int) -> list[str]:
    if labels is None or index >= len(labels):
        return [""] * count
    names = labels.class_names or []
    numbers = labels[index].reshape(-1).tolist()
    texts = [names[number] if 0 <= number < len(names) else str(number) for number in numbers]
    return (texts + [""] * count)[:count]


def annotated(
    pixels: npt.NDArray[np.uint8],
    ltwh: npt.NDArray[np.float64],
    texts: Sequence[str],
    scores: Sequence[float] | None = None,
) -> Any:
    """An image in the size of a grid's cell with boxes and their texts, each text in a colour of its own.

    Args:
        pixels: uint8 (h, w, 3), RGB.
        ltwh: Boxes [n, 4], left, top, width, height in pixels.
        texts: One for each box; may be empty.
        scores: Of predictions, one for each box: written behind the text.
    """
    pillow = import_extra("PIL.Image", "drawing", "cli")
    draw_module = import_extra("PIL.ImageDraw", "drawing", "cli")
    font = import_extra("PIL.ImageFont", "drawing", "cli").load_default()
    picture = pillow.fromarray(pixels)
    # Scaled before it is drawn on: lines and letters keep their size.
    scale = _CELL / max(picture.size)
    picture = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    draw = draw_module.Draw(picture)
    numbers = [""] * len(texts) if scores is None else [f" {score:.2f}" for score in scores]
    for (left, top, width, height), name, number in zip((ltwh * scale).tolist(), texts, numbers, strict=True):
        color, text = _color(name), name + number
        draw.rectangle((left, top, max(left, left + width), max(top, top + height)), outline=color, width=2)
        if text:
            where = (left + 3, max(0.0, top + 1))
            draw.rectangle(draw.textbbox(where, text, font=font), fill=color)
            draw.text(where, text, fill="black", font=font)
    return picture


def draw_grid(pictures: list[Any]) -> Any:
    """Pictures of at most a cell's size side by side in rows."""
    pillow = import_extra("PIL.Image", "drawing", "cli")
    columns = math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    step = _CELL + _MARGIN
    grid = pillow.new("RGB", (columns * step + _MARGIN, rows * step + _MARGIN), "white")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        left = _MARGIN + column * step + (_CELL - picture.width) // 2
        top = _MARGIN + row * step + (_CELL - picture.height) // 2
        grid.paste(picture, (left, top))
    return grid


def _color(text: str) -> tuple[int, int, int]:
    """The same for the same text in every picture."""
    hue = zlib.crc32(text.encode()) % 360 / 360
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)
