"""Twenty pictures of the project's own making, laid out as COCO 2017 is, for machines without COCO's own files.

Each picture follows from its number: slopes of colour, waves and grain, and on them ellipses and polygons with edges.
As in COCO, objects are small and large, overlap and touch the picture's rim; some are in two parts, crowds are stored
as run lengths, one picture has no objects, sizes and orientations differ, and category ids have gaps.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

__all__ = ["write_generated_coco"]

#: COCO's ids: 80 of the numbers 1 to 90.
_GAPS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
_CATEGORY_IDS = [number for number in range(1, 91) if number not in _GAPS]
_SIZES = [(320, 240), (240, 320), (336, 224), (256, 256), (300, 201)]
_PICTURES = {"train2017": range(0, 12), "val2017": range(12, 20)}
_EMPTY = {5}
_WITH_CROWD = {2, 9, 14, 17}

#: COCO's names, which MMDetection looks up, in the order of their ids.
_NAMES = """
person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic_light, fire_hydrant, stop_sign,
parking_meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella,
handbag, tie, suitcase, frisbee, skis, snowboard, sports_ball, kite, baseball_bat, baseball_glove, skateboard,
surfboard, tennis_racket, bottle, wine_glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange,
broccoli, carrot, hot_dog, pizza, donut, cake, chair, couch, potted_plant, bed, dining_table, toilet, tv,
laptop, mouse, remote, keyboard, cell_phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase,
scissors, teddy_bear, hair_drier, toothbrush
"""

Points = npt.NDArray[np.float64]


def write_generated_coco(folder: Path) -> Path:
    """Writes ``annotations/instances_{train,val}2017.json``, ``train2017/`` and ``val2017/``; returns ``folder``."""
    (folder / "annotations").mkdir(parents=True)
    for split, numbers in _PICTURES.items():
        (folder / split).mkdir()
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for number in numbers:
            rng = np.random.default_rng((2017, number))
            picture, objects = _draw(number, rng)
            name = f"{number + 1:012d}.jpg"
            picture.save(folder / split / name, quality=92, subsampling=0)
            images.append({"id": number + 1, "file_name": name, "width": picture.width, "height": picture.height})
            for described in objects:
                annotations.append({"id": 1000 * (number + 1) + len(annotations), "image_id": number + 1, **described})
        content = {
            "images": images,
            "annotations": annotations,
            "categories": [{"id": id_, "name": name} for id_, name in zip(_CATEGORY_IDS, _names(), strict=True)],
        }
        (folder / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))
    return folder


def _names() -> list[str]:
    return [name.strip().replace("_", " ") for name in _NAMES.split(",")]


def _draw(number: int, rng: np.random.Generator) -> tuple[Image.Image, list[dict[str, Any]]]:
    width, height = _SIZES[number % len(_SIZES)]
    picture = _background(width, height, rng)
    draw = ImageDraw.Draw(picture)
    objects: list[dict[str, Any]] = []
    for _ in range(0 if number in _EMPTY else int(rng.integers(1, 16))):
        category = int(rng.choice(_CATEGORY_IDS))
        parts = [_outline(width, height, rng) for _ in range(2 if rng.random() < 0.2 else 1)]
        color = tuple(int(value) for value in rng.integers(0, 256, 3))
        for part in parts:
            draw.polygon([tuple(point) for point in part.tolist()], color, tuple(value // 2 for value in color))
        objects.append(_object(category, parts))
    if number in _WITH_CROWD:
        objects.append(_crowd(int(rng.choice(_CATEGORY_IDS)), picture, rng))
    return picture, objects


def _background(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    pixels = rng.uniform(50, 200, 3) + x[..., None] * rng.uniform(-80, 80, 3) + y[..., None] * rng.uniform(-80, 80, 3)
    for _ in range(3):
        angle, frequency = rng.uniform(0, math.pi), rng.uniform(5, 90)
        wave = np.sin(frequency * (x * math.cos(angle) + y * math.sin(angle)))
        pixels += wave[..., None] * rng.uniform(0, 20, 3)
    pixels += rng.normal(0, 6, pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _outline(width: int, height: int, rng: np.random.Generator) -> Points:
    """Corners of an ellipse with dents, whose centre lies in the picture; cut off at the picture's rim."""
    corners = int(rng.integers(3, 40))
    angles = np.sort(rng.uniform(0, 2 * math.pi, corners))
    radii = math.exp(rng.uniform(math.log(3), math.log(110))) * rng.uniform(0.5, 1, (corners, 1))
    spread = np.stack((np.cos(angles), np.sin(angles) * rng.uniform(0.4, 1)), axis=1)
    center = rng.uniform((4, 4), (width - 4, height - 4))
    points: Points = np.clip(center + radii * spread, 0, (width, height)).round(2)
    return points


def _object(category: int, parts: list[Points]) -> dict[str, Any]:
    corners = np.concatenate(parts)
    left, top = corners.min(0)
    extent = np.maximum(corners.max(0) - corners.min(0), 1)
    return {
        "category_id": category,
        "bbox": [round(float(value), 2) for value in (left, top, *extent)],
        "area": round(sum(map(_area, parts)) + 1, 4),
        "iscrowd": 0,
        "segmentation": [part.reshape(-1).tolist() for part in parts],
    }


def _area(points: Points) -> float:
    x, y = points.T
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)


def _crowd(category: int, picture: Image.Image, rng: np.random.Generator) -> dict[str, Any]:
    """Many small dots as one crowd, in COCO's uncompressed run lengths: column by column, the first run is of zeros."""
    mask = np.zeros((picture.height, picture.width), bool)
    left, top = (int(rng.integers(4, side // 2)) for side in (picture.width, picture.height))
    for _ in range(30):
        x, y = left + int(rng.integers(0, 60)), top + int(rng.integers(0, 40))
        mask[y : y + 5, x : x + 3] = True
    flat = mask.T.reshape(-1)
    changes = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff(np.concatenate(([0], changes, [flat.size])))
    ys, xs = np.nonzero(mask)
    return {
        "category_id": category,
        "bbox": [int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1],
        "area": int(mask.sum()),
        "iscrowd": 1,
        "segmentation": {"size": [picture.height, picture.width], "counts": [int(count) for count in counts]},
    }
