"""Makes a small labelled data set: pictures of circles, squares and triangles, as JPEG files with COCO annotations.

python examples/shapes.py OUT --images 1000
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

CLASSES = ("circle", "square", "triangle")
#: Numbers of the classes in the annotation file; neither dense nor from 0, as in COCO itself.
CATEGORY_IDS = (1, 3, 7)
_CORNERS = {"circle": 48, "square": 4, "triangle": 3}
#: Drawn so many times larger, then scaled down: smooth edges.
_OVERSAMPLING = 2

Points = npt.NDArray[np.float64]


def make_shapes(
    folder: Path,
    images: int,
    seed: int = 0,
    progress: Callable[[Iterable[Any], int, str], Iterator[Any]] = lambda items, total, unit: iter(items),
) -> tuple[Path, Path]:
    """Writes ``images`` JPEG files and their annotations.

    Each picture follows from the seed and its own number. Boxes are left, top, width, height in pixels; every object
    has its outline as its segmentation. One picture in twenty is empty.

    Returns:
        The annotation file and the directory of the images.
    """
    pictures = folder / "images"
    pictures.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in progress(range(images), images, "image"):
        picture, objects = draw_shapes(np.random.default_rng((seed, number)))
        name = f"{number:06d}.jpg"
        picture.save(pictures / name, quality=90)
        rows.append({"id": number + 1, "file_name": name, "width": picture.width, "height": picture.height})
        for label, points in objects:
            annotations.append({"id": len(annotations) + 1, "image_id": number + 1, **_annotation(label, points)})
    file = folder / "annotations.json"
    categories = [{"id": number, "name": name} for number, name in zip(CATEGORY_IDS, CLASSES, strict=True)]
    content = {"images": rows, "annotations": annotations, "categories": categories}
    file.write_text(json.dumps(content))
    return file, pictures


def draw_shapes(rng: np.random.Generator) -> tuple[Image.Image, list[tuple[int, Points]]]:
    """A picture of 112 to 144 pixels a side, and its objects: label and outline [points, 2] of x, y in pixels."""
    width, height = (int(side) for side in rng.integers(112, 145, 2))
    picture = _texture(width, height, rng).resize((width * _OVERSAMPLING, height * _OVERSAMPLING))
    draw = ImageDraw.Draw(picture)
    background = np.array(picture).mean((0, 1))
    objects: list[tuple[int, Points]] = []
    for _ in range(0 if rng.random() < 0.05 else int(rng.integers(1, 5))):
        label = int(rng.integers(len(CLASSES)))
        points = _outline(CLASSES[label], width, height, rng)
        if any(_boxes_touch(points, other) for _, other in objects):
            continue
        fill = _contrasting(background, rng)
        edge = tuple(int(value * 0.6) for value in fill)
        draw.polygon([tuple(point) for point in (points * _OVERSAMPLING).tolist()], fill, edge, _OVERSAMPLING)
        objects.append((label, points))
    return picture.resize((width, height), Image.Resampling.BOX), objects


def _texture(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """A slope of colours with waves and grain."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    base = rng.uniform(40, 215, 3)
    slope = rng.uniform(-60, 60, (2, 3))
    angle, frequency = rng.uniform(0, math.pi), rng.uniform(10, 60)
    wave = rng.uniform(0, 25) * np.sin(frequency * (x * math.cos(angle) + y * math.sin(angle)))
    pixels = base + x[..., None] * slope[0] + y[..., None] * slope[1] + wave[..., None]
    pixels += rng.normal(0, rng.uniform(2, 10), pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _outline(name: str, width: int, height: int, rng: np.random.Generator) -> Points:
    """Corners of a shape of 18 to 56 pixels across, turned anyhow, inside the picture."""
    radius = rng.uniform(9, 28)
    corners = _CORNERS[name]
    angles = rng.uniform(0, 2 * math.pi) + np.arange(corners) * 2 * math.pi / corners
    center = rng.uniform((radius, radius), (width - radius, height - radius))
    points: Points = center + radius * np.stack((np.cos(angles), np.sin(angles)), axis=1)
    return points.round(2)


def _boxes_touch(one: Points, other: Points) -> bool:
    return bool(np.all(one.min(0) < other.max(0)) and np.all(other.min(0) < one.max(0)))


def _contrasting(background: npt.NDArray[np.float64], rng: np.random.Generator) -> tuple[int, ...]:
    """A colour that differs from the background."""
    while True:
        color = rng.integers(0, 256, 3)
        if np.abs(color - background).sum() > 150:
            return tuple(int(value) for value in color)


def _annotation(label: int, points: Points) -> dict[str, Any]:
    left, top = points.min(0)
    extent = points.max(0) - points.min(0)
    x, y = points.T
    area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    return {
        "category_id": CATEGORY_IDS[label],
        "bbox": [round(float(value), 2) for value in (left, top, *extent)],
        "area": round(float(area), 4),
        "iscrowd": 0,
        "segmentation": [points.reshape(-1).tolist()],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("out", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    annotations, images = make_shapes(arguments.out, arguments.images, arguments.seed)
    print(f"{annotations}, {images}")


if __name__ == "__main__":
    main()
