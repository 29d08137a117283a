"""Reading YOLO's label files: a line for each object."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from penstock.errors import DatasetFormatError
from penstock.ingest.annotated import Image, Instance

__all__ = ["label_file", "parse_labels", "with_pixels"]

#: How far beyond the image a coordinate may lie: what rounding does.
_SLACK = 0.01


def label_file(image: Path) -> Path:
    """The labels of an image: in a directory ``labels`` in the place of the last ``images`` of its path, with the same
    name; beside the image where there is no such directory.
    """
    parts = list(image.parts)
    for number in range(len(parts) - 2, -1, -1):
        if parts[number] == "images":
            parts[number] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def parse_labels(text: str, labels: Mapping[int, int], first_id: int) -> tuple[list[Instance], int]:
    """The objects of a label file, with boxes, areas and outlines in shares of the image's width and height, and how
    many lines there were twice.

    A line has a class's number and a box (x and y of its centre, width, height), or the corners of a polygon, whose box
    is the one around it.

    Args:
        text: The file.
        labels: The label of each class's number.
        first_id: The number of the first object.

    Raises:
        DatasetFormatError: A line that is none of these, or a coordinate outside of the image. It names the line.
    """
    instances: list[Instance] = []
    seen: set[tuple[float, ...]] = set()
    twice = 0
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        values = _numbers(words, number)
        if values in seen:
            twice += 1
            continue
        seen.add(values)
        label = labels.get(int(values[0])) if values[0].is_integer() else None
        if label is None:
            raise DatasetFormatError(f"line {number}: there is no class {words[0]}")
        instances.append(_instance(values[1:], label, first_id + len(instances), number))
    return instances, twice


def with_pixels(image: Image, size: tuple[int, int]) -> Image:
    """The same with boxes, areas and outlines in pixels of an image of a height and width."""
    height, width = size
    return replace(image, instances=[_in_pixels(instance, width, height) for instance in image.instances])


def _numbers(words: list[str], number: int) -> tuple[float, ...]:
    try:
        values = tuple(map(float, words))
    except ValueError:
        values = (math.nan,)
    if not all(map(math.isfinite, values)):
        raise DatasetFormatError(f"line {number}: '{' '.join(words)[:60]}' is not a class and coordinates")
    return values


def _instance(values: tuple[float, ...], label: int, identity: int, number: int) -> Instance:
    if len(values) != 4 and (len(values) < 6 or len(values) % 2):
        raise DatasetFormatError(
            f"line {number} has {len(values) + 1} numbers: a class and a box are 5, a class and a polygon 7, 9, ..."
        )
    wrong = next((value for value in values if not -_SLACK <= value <= 1 + _SLACK), None)
    if wrong is not None:
        raise DatasetFormatError(f"line {number}: {wrong:g} is no share of the image's size, which is 0 to 1")
    if len(values) == 4:
        x, y, width, height = values
        if width < 0 or height < 0:
            raise DatasetFormatError(f"line {number}: the box has the size {width:g} x {height:g}")
        return Instance(identity, label, (x - width / 2, y - height / 2, width, height), width * height)
    outline = [min(max(value, 0.0), 1.0) for value in values]
    xs, ys = outline[::2], outline[1::2]
    left, top = min(xs), min(ys)
    box = (left, top, max(xs) - left, max(ys) - top)
    return Instance(identity, label, box, _polygon_area(xs, ys), segmentation=[outline])


def _polygon_area(xs: list[float], ys: list[float]) -> float:
    following = zip(xs, ys, [*xs[1:], xs[0]], [*ys[1:], ys[0]], strict=True)
    return abs(sum(x * next_y - next_x * y for x, y, next_x, next_y in following)) / 2


def _in_pixels(instance: Instance, width: int, height: int) -> Instance:
    left, top, box_width, box_height = instance.box
    segmentation = instance.segmentation
    if segmentation is not None:
        scales = (width, height)
        segmentation = [[value * scales[place % 2] for place, value in enumerate(part)] for part in segmentation]
    return replace(
        instance,
        box=(left * width, top * height, box_width * width, box_height * height),
        area=instance.area * width * height,
        segmentation=segmentation,
    )
