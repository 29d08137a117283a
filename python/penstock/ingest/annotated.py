"""Images with what is annotated in them, whatever format it was read from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Annotations", "Category", "Image", "Instance", "official_numbers"]


@dataclass(frozen=True)
class Category:
    """A class: its official number and its name."""

    id: int
    name: str


@dataclass(frozen=True)
class Instance:
    """One annotation.

    Attributes:
        id: Its number in the file.
        label: Position of its category among all, by their numbers.
        box: Left, top, width, height in pixels.
        area: Of the object in pixels; that of the box where the file has none.
        crowd: Whether it stands for many objects.
        ignore: Whether it is to be left out in training.
        segmentation: As COCO has them: a list of polygons [x, y, x, y, ...], a run-length encoding, or None.
        difficult: Whether Pascal VOC's metrics leave it out.
        truncated: Whether the object goes on outside of its box, as Pascal VOC notes it.
    """

    id: int
    label: int
    box: tuple[float, float, float, float]
    area: float
    crowd: bool = False
    ignore: bool = False
    segmentation: Any = None
    difficult: bool = False
    truncated: bool = False


@dataclass(frozen=True)
class Image:
    """An image file, its height and width as the annotation file has them, if it does, and what is annotated in it, in
    the order of the annotation file.
    """

    id: int
    file_name: str
    size: tuple[int, int] | None = None
    instances: list[Instance] = field(default_factory=list)


@dataclass(frozen=True)
class Annotations:
    """All annotations of a dataset.

    Attributes:
        path: The file or the directory that they stand in.
        categories: By number.
        images: In the order of the files.
        digest: Stands for all that was read: a run that goes on with another one's work needs the same.
    """

    path: Path
    categories: tuple[Category, ...]
    images: list[Image]
    digest: str = ""


def official_numbers(stems: list[str]) -> list[int]:
    """A number for each image file, of their names without suffixes: the names themselves where all are different
    numbers, as COCO's are; else 1, 2, 3, ...
    """
    if all(stem.isascii() and stem.isdigit() and len(stem) <= 18 for stem in stems):
        numbers = [int(stem) for stem in stems]
        if len(set(numbers)) == len(numbers):
            return numbers
    return list(range(1, len(stems) + 1))
