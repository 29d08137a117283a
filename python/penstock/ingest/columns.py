"""The tensors beside the images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from penstock.errors import DatasetFormatError
from penstock.ingest.annotated import Annotations, Image, Instance
from penstock.ingest.bitmaps import object_bitmap
from penstock.ingest.polygons import object_polygon

__all__ = ["Column", "MaskHtype", "Size", "check_mask_htype", "detection_columns", "file_name_column"]

#: Height and width in pixels.
Size = tuple[int, int]
#: How masks are stored.
MaskHtype = Literal["polygon", "binary_mask"]

#: What a tensor of masks is created with. Masks are mostly zeros; each sample is compressed by itself, so that one can
#: be read without its neighbours.
_MASK_TYPES: dict[str, dict[str, Any]] = {"polygon": {}, "binary_mask": {"sample_compression": "lz4"}}


@dataclass(frozen=True)
class Column:
    """A tensor.

    Attributes:
        name: Its name.
        create: Arguments of Deep Lake's ``create_tensor``.
        value: Makes the sample of what is known of an image and of the image's size.
        info: What is noted with the tensor.
    """

    name: str
    create: Mapping[str, Any]
    value: Callable[[Any, Size], Any]
    info: Mapping[str, Any] = field(default_factory=dict)


def check_mask_htype(masks: str) -> None:
    """Raises ValueError for what masks cannot be stored as."""
    if masks not in _MASK_TYPES:
        raise ValueError(f"masks must be one of {', '.join(map(repr, _MASK_TYPES))}, got {masks!r}")


def detection_columns(
    annotations: Annotations, masks: MaskHtype, *, with_masks: bool, flags: tuple[str, ...] = ()
) -> list[Column]:
    """The tensors of a detection dataset, whose values are made of an :class:`Image`; see
    :func:`penstock.ingest.ingest_coco`.

    Args:
        annotations: Names the classes.
        masks: The htype of masks.
        with_masks: Whether there are any.
        flags: Of "ignores", "difficult" and "truncated" those that have a tensor.
    """
    categories = annotations.categories
    names = [category.name for category in categories]
    numbers = {"category_ids": [category.id for category in categories]}
    columns = [
        Column("boxes", {"htype": "bbox", "dtype": "float32", "coords": {"type": "pixel", "mode": "LTWH"}}, _boxes),
        Column("categories", {"htype": "class_label", "class_names": names}, _labels, numbers),
        Column("iscrowds", {"dtype": "bool"}, _flags("crowd")),
        Column("areas", {"dtype": "float64"}, _areas),
        Column("image_ids", {"dtype": "int64"}, lambda image, size: np.array([image.id], np.int64)),
        file_name_column(),
    ]
    if with_masks:
        make = _stacked_bitmaps if masks == "binary_mask" else _polygons
        columns.append(
            Column(
                "masks",
                {"htype": masks, **_MASK_TYPES[masks]},
                lambda image, size: make(annotations.path, image.instances, size),
            )
        )
    fields = {"ignores": "ignore", "difficult": "difficult", "truncated": "truncated"}
    return [*columns, *(Column(name, {"dtype": "bool"}, _flags(fields[name])) for name in flags)]


def file_name_column() -> Column:
    """The tensor of file names, of whatever has a ``file_name``."""
    return Column("filenames", {"htype": "text"}, _file_name)


def _file_name(image: Any, size: Size) -> str:
    name = str(image.file_name)
    try:
        name.encode()
    except UnicodeEncodeError:
        raise DatasetFormatError(
            f"the file name {name!r} is no text in UTF-8",
            hint="Rename the file, or leave out all files that are bad (--skip-bad, skip_bad=True)",
        ) from None
    return name


def _boxes(image: Image, size: Size) -> npt.NDArray[np.float32]:
    return np.array([instance.box for instance in image.instances], np.float32).reshape(-1, 4)


def _labels(image: Image, size: Size) -> npt.NDArray[np.uint32]:
    return np.array([instance.label for instance in image.instances], np.uint32)


def _areas(image: Image, size: Size) -> npt.NDArray[np.float64]:
    return np.array([instance.area for instance in image.instances], np.float64)


def _flags(name: str) -> Callable[[Image, Size], npt.NDArray[np.bool_]]:
    return lambda image, size: np.array([getattr(instance, name) for instance in image.instances], np.bool_)


def _polygons(path: Path, instances: list[Instance], size: Size) -> list[Any]:
    return [_object(object_polygon, path, instance, size) for instance in instances]


def _stacked_bitmaps(path: Path, instances: list[Instance], size: Size) -> npt.NDArray[np.bool_]:
    stack = np.zeros((*size, len(instances)), np.bool_)
    for number, instance in enumerate(instances):
        stack[..., number] = _object(object_bitmap, path, instance, size)
    return stack


def _object(shape: Callable[..., Any], path: Path, instance: Instance, size: Size) -> Any:
    try:
        return shape(instance.segmentation, instance.box, size)
    except ValueError as error:
        raise DatasetFormatError(f"annotation {instance.id}: {error}", path=str(path)) from None
