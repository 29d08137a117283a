"""Reading Pascal VOC's annotations: an XML file for each image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from penstock.errors import DatasetFormatError
from penstock.ingest.text_files import lines_of

__all__ = ["VOC_CLASSES", "VocImage", "VocObject", "parse_annotation", "split_names"]

#: The classes of Pascal VOC's own datasets, in the order in which MMDetection numbers them.
VOC_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"),
    *("horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)


@dataclass(frozen=True)
class VocObject:
    """An object: its class, left, top, width and height in pixels counted from 0, and its flags."""

    name: str
    box: tuple[float, float, float, float]
    difficult: bool
    truncated: bool


@dataclass(frozen=True)
class VocImage:
    """An annotation file.

    Attributes:
        file_name: The image's name as the file says it; None where it does not.
        size: Height and width, where the file says them.
        objects: In the file's order.
    """

    file_name: str | None
    size: tuple[int, int] | None
    objects: Sequence[VocObject]


def parse_annotation(data: bytes, first_pixel: int) -> VocImage:
    """Reads an annotation file.

    Boxes are read as MMDetection reads them: each coordinate less that of the first pixel. The width is then the
    difference of the two edges.

    Args:
        data: The file.
        first_pixel: The coordinate of the first pixel: 1 as Pascal VOC counts, 0 as some tools do.

    Raises:
        DatasetFormatError: No XML, or an object without name or box. It names the object by its place, from 1 on.
    """
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise DatasetFormatError(f"it is no XML: {error}") from None
    except (ValueError, LookupError) as error:
        # An encoding that nobody knows.
        raise DatasetFormatError(f"its text cannot be read: {error}") from None
    objects = [_object(node, number, first_pixel) for number, node in enumerate(root.findall("object"), 1)]
    name = (root.findtext("filename") or "").strip()
    return VocImage(name or None, _size(root), objects)


def split_names(file: Path) -> list[str]:
    """The images of a split: the first word of each line; of a class's own split those that have the class (1, or 0 for
    difficult ones).

    Raises:
        StorageError, DatasetFormatError: The file cannot be read.
    """
    rows = [line.split() for line in lines_of(file, "split")]
    return [row[0] for row in rows if row[1:2] != ["-1"]]


def _object(node: ElementTree.Element, number: int, first_pixel: int) -> VocObject:
    name = (node.findtext("name") or "").strip()
    if not name:
        raise DatasetFormatError(f"object {number} has no name")
    box = node.find("bndbox")
    if box is None:
        raise DatasetFormatError(f"object {number} ('{name}') has no bndbox")
    left, top, right, bottom = (_number(box, key, number, name) for key in ("xmin", "ymin", "xmax", "ymax"))
    if right < left or bottom < top:
        raise DatasetFormatError(
            f"object {number} ('{name}') ends before it begins: {left:g} to {right:g}, {top:g} to {bottom:g}"
        )
    ltwh = (left - first_pixel, top - first_pixel, right - left, bottom - top)
    return VocObject(name, ltwh, _flag(node, "difficult"), _flag(node, "truncated"))


def _number(box: ElementTree.Element, key: str, number: int, name: str) -> float:
    text = (box.findtext(key) or "").strip()
    try:
        # MMDetection cuts what some tools write as fractions.
        value = float(text)
        if not math.isfinite(value):
            raise ValueError
        return float(int(value))
    except ValueError:
        raise DatasetFormatError(f"object {number} ('{name}') has the {key} '{text}', which is no number") from None


def _flag(node: ElementTree.Element, key: str) -> bool:
    # "Unspecified" is a value that other tools write.
    return (node.findtext(key) or "").strip() in ("1", "true", "True")


def _size(root: ElementTree.Element) -> tuple[int, int] | None:
    try:
        height, width = (int(float(root.findtext(f"size/{key}") or 0)) for key in ("height", "width"))
    except (ValueError, OverflowError):
        return None
    return (height, width) if height > 0 and width > 0 else None
