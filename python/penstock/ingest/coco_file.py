"""Reading COCO's instances_*.json, and checking that it agrees with itself."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from penstock.errors import DatasetFormatError
from penstock.ingest.annotated import Annotations, Category, Image, Instance

__all__ = ["read_coco_file"]


def read_coco_file(path: Path) -> Annotations:
    """Reads an annotation file.

    Raises:
        DatasetFormatError: No JSON, a missing or wrong field, a number given twice, an annotation of an image or
            category that the file does not list. The message names the image or annotation.
        OSError: The file cannot be read.
    """
    try:
        data = path.read_bytes()
        content = json.loads(data)
    except ValueError as error:
        raise DatasetFormatError(f"not a JSON file: {error}", path=str(path)) from None
    if not isinstance(content, dict):
        raise DatasetFormatError("not a COCO annotation file: its JSON is no object", path=str(path))
    try:
        categories = sorted(
            (Category(_whole(row, "id"), str(row["name"])) for row in _rows(content, "categories", "category")),
            key=lambda category: category.id,
        )
        labels = _unique({category.id: label for label, category in enumerate(categories)}, categories, "category")
        rows = _rows(content, "images", "image")
        images = [Image(_whole(row, "id"), _text(row, "file_name"), _size(row)) for row in rows]
        by_id = _unique({image.id: image for image in images}, images, "image")
        for row in _rows(content, "annotations", "annotation"):
            _image_of(row, by_id).instances.append(_instance(row, labels))
    except _WrongError as error:
        raise DatasetFormatError(str(error), path=str(path)) from None
    return Annotations(path, tuple(categories), images, hashlib.sha256(data).hexdigest())


class _WrongError(Exception):
    """What is wrong in the file, as a message."""


class _Row(dict[str, Any]):
    """An object of the file, which knows how to call itself in messages."""

    def __init__(self, values: Mapping[str, Any], name: str) -> None:
        super().__init__(values)
        self.name = name

    def __missing__(self, key: str) -> Any:
        raise _WrongError(f"{self.name} has no '{key}'")

    def wrong(self, key: str, wanted: str) -> _WrongError:
        return _WrongError(f"{self.name}: '{key}' is {self[key]!r}, not {wanted}")


def _rows(content: Mapping[str, Any], key: str, kind: str) -> list[_Row]:
    rows = content.get(key)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _WrongError(f"not a COCO annotation file: it has no list of '{key}'")
    return [_Row(row, f"{kind} {row.get('id', f'number {place}')}") for place, row in enumerate(rows)]


def _unique(by_id: dict[int, Any], items: list[Any], kind: str) -> dict[int, Any]:
    if len(by_id) < len(items):
        (twice, _), *_ = Counter(item.id for item in items).most_common(1)
        raise _WrongError(f"{kind} {twice} is listed twice")
    return by_id


def _image_of(row: _Row, images: Mapping[int, Image]) -> Image:
    image = images.get(_whole(row, "image_id"))
    if image is None:
        raise _WrongError(f"{row.name} belongs to image {row['image_id']}, which the file does not list")
    return image


def _instance(row: _Row, labels: Mapping[int, int]) -> Instance:
    label = labels.get(_whole(row, "category_id"))
    if label is None:
        raise _WrongError(f"{row.name} has the category {row['category_id']}, which the file does not list")
    box = row["bbox"]
    if not isinstance(box, list) or len(box) != 4 or not all(_is_number(value) for value in box):
        raise row.wrong("bbox", "four numbers")
    area = row.get("area")
    if area is not None and not _is_number(area):
        raise row.wrong("area", "a number")
    return Instance(
        id=row["id"],
        label=label,
        box=(box[0], box[1], box[2], box[3]),
        area=box[2] * box[3] if area is None else area,
        crowd=bool(row.get("iscrowd", 0)),
        ignore=bool(row.get("ignore", 0)),
        segmentation=row.get("segmentation") or None,
    )


def _whole(row: _Row, key: str) -> int:
    value = row[key]
    if isinstance(value, bool) or not isinstance(value, int):
        raise row.wrong(key, "an integer")
    return value


def _size(row: _Row) -> tuple[int, int] | None:
    height, width = row.get("height"), row.get("width")
    return (int(height), int(width)) if _is_number(height) and _is_number(width) else None


def _text(row: _Row, key: str) -> str:
    value = row[key]
    if not isinstance(value, str) or not value:
        raise row.wrong(key, "text")
    return value


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
