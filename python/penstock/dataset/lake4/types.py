"""Deep Lake 4's column types in Deep Lake 3's words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

__all__ = ["ColumnType", "column_type"]

#: Numbers that numpy has, by the name that a type's ``id`` gives.
_NUMBERS = frozenset(
    {"bool", "float16", "float32", "float64"}
    | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)
_HTYPES = {
    "Image": "image",
    "BoundingBox": "bbox",
    "ClassLabel": "class_label",
    "SegmentMask": "segment_mask",
    "BinaryMask": "binary_mask",
    "Polygon": "polygon",
    "Text": "text",
    "Dict": "json",
    "Embedding": "embedding",
    "Point": "point",
    "Serial": "generic",
    "Generic": "generic",
}
_ENCODINGS = {"jpg": "jpeg", "jpeg": "jpeg", "png": "png"}
#: An axis of any length, in a type's ``shape``.
_ANY = 2**64 - 1

#: How samples come: "image" as the bytes of image files, "array" as arrays, the rest as values (see values.py).
Form = Literal["image", "array", "text", "json", "bytes", "polygon"]


@dataclass(frozen=True)
class ColumnType:
    """What a column's type says of its samples.

    Attributes:
        htype: Deep Lake 3's word for it.
        form: How samples come.
        dtype: Of the elements; None for values.
        encoding: "jpeg" or "png" for the form "image".
        axes: Number of axes where the type says it.
        fixed_shape: The shape of all samples, where the type says it.
        unsupported: Why such columns cannot be loaded; None when they can.
    """

    htype: str
    form: Form
    dtype: np.dtype[Any] | None = None
    encoding: str | None = None
    axes: int | None = None
    fixed_shape: tuple[int, ...] | None = None
    unsupported: str | None = None


def column_type(kind: Any) -> ColumnType:
    """Describes a ``deeplake.types.Type``."""
    name = str(kind.kind).rpartition(".")[2]
    if kind.is_link:
        return _refused(f"link[{_word(name)}]")
    if kind.is_nullable:
        return _refused(f"nullable[{kind.id}]")
    if kind.is_sequence or name == "Sequence":
        # deeplake 4.7 crashes now and then while it reads them.
        nested = re.search(r"kind=(\w+)", str(kind))
        return _refused(f"sequence[{nested[1] if nested else kind.id}]")
    if name not in _HTYPES:
        return _refused(_word(name))
    if kind.id == "bytes":
        return ColumnType("bytes", "bytes")
    if kind.id == "text":
        return ColumnType("text", "text")
    if kind.id == "object":
        return ColumnType("json", "json")
    if name == "Polygon":
        return ColumnType("polygon", "polygon")
    return _numeric(kind, name)


def _numeric(kind: Any, name: str) -> ColumnType:
    htype = _HTYPES[name]
    if kind.id not in _NUMBERS:
        return _refused(f"dtype '{kind.id}'")
    dtype = np.dtype(kind.id)
    if name == "Image":
        encoding = _ENCODINGS.get(kind.sample_compression or "")
        return ColumnType(htype, "array" if encoding is None else "image", dtype, encoding, axes=3)
    if name == "BoundingBox":
        return ColumnType(htype, "array", dtype, axes=2)
    shape = tuple(int(extent) for extent in kind.shape or ())
    if not shape and str(kind.data_type) != kind.id:
        return ColumnType(htype, "array", dtype)  # an array of unknown rank
    if name in ("SegmentMask", "BinaryMask"):
        return ColumnType(htype, "array", dtype)  # its type says three axes, samples may have two
    fixed = None if _ANY in shape else shape
    return ColumnType(htype, "array", dtype, axes=len(shape), fixed_shape=fixed)


def _refused(what: str) -> ColumnType:
    return ColumnType(what, "bytes", unsupported=f"columns of {what} are not supported yet")


def _word(name: str) -> str:
    return name.lower() if name.isalpha() else "struct"
