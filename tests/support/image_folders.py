"""Folders of image files with annotations in other tools' layouts, to ingest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from support.images import jpeg, picture, png

__all__ = ["classes_folder", "coco_file", "image_file", "write_file", "yolo_folder"]

SIZES = ((40, 60), (60, 40), (33, 47))


def image_file(number: int, kind: str = "jpeg", channels: int = 3) -> bytes:
    """A picture whose size goes round :data:`SIZES`."""
    array = picture(*SIZES[number % len(SIZES)], channels, seed=number)
    return png(array) if kind == "png" else jpeg(array)


def write_file(path: Path, data: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(data, str):
        path.write_text(data, encoding="utf-8")
    else:
        path.write_bytes(data)
    return path


def yolo_folder(root: Path, count: int = 7, *, polygons: bool = False, **changes: Any) -> Path:
    """A data.yaml whose split "train" has ``count`` images: the third has an empty label file, the fourth none.

    ``changes`` are keys of the data.yaml.
    """
    rng = np.random.default_rng(count)
    for number in range(count):
        name = f"bild {number} ü あ"
        write_file(root / "images" / "train" / f"{name}.jpg", image_file(number))
        lines = []
        for _ in range(0 if number == 2 else 1 + number % 3):
            label = int(rng.integers(3))
            if polygons and rng.random() < 0.5:
                values = rng.uniform(0.1, 0.9, 6 + 2 * int(rng.integers(4)))
            else:
                values = np.concatenate((rng.uniform(0.3, 0.7, 2), rng.uniform(0.05, 0.5, 2)))
            lines.append(" ".join([str(label), *(f"{value:.6f}" for value in values)]))
        if number != 3:
            write_file(root / "labels" / "train" / f"{name}.txt", "\n".join(lines))
    described = {"path": ".", "train": "images/train", "names": {0: "Füchse", 1: "cat", 2: "<b>dog</b>"}, **changes}
    return write_file(root / "data.yaml", yaml.safe_dump(described, allow_unicode=True))


def classes_folder(root: Path, counts: dict[str, int], kind: str = "jpeg") -> Path:
    """A directory for each class."""
    number = 0
    for name, count in counts.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for place in range(count):
            suffix = ".png" if kind == "png" else ".JPG"
            write_file(root / name / f"{place:03d}{suffix}", image_file(number, kind))
            number += 1
    return root


def coco_file(root: Path, kinds: list[str]) -> tuple[Path, Path]:
    """A COCO annotation file and a folder of images of these formats, each with one box."""
    images, annotations = [], []
    for number, kind in enumerate(kinds, 1):
        name = f"{number}.{kind}"
        height, width = SIZES[(number - 1) % len(SIZES)]
        write_file(root / "images" / name, image_file(number - 1, kind))
        images.append({"id": number, "file_name": name, "height": height, "width": width})
        annotations.append({"id": number, "image_id": number, "category_id": 1, "bbox": [1, 2, 10 + number, 9]})
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "thing"}]}
    return write_file(root / "instances.json", json.dumps(content)), root / "images"
