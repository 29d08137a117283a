"""Text, JSON and polygons: samples whose bytes stand for Python values, as Deep Lake's ``numpy()`` gives them."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.errors import DecodeError, UnsupportedError

__all__ = ["JSON_HTYPES", "POLYGON", "TEXT", "ValueFormat", "decode_value"]

TEXT = "text"
POLYGON = "polygon"
JSON_HTYPES = frozenset({"json", "list", "tag"})

_DAMAGED_SAMPLE = "The sample is damaged: replace it, or leave it out"


@dataclass(frozen=True)
class ValueFormat:
    """What a tensor's metadata says of its values.

    Attributes:
        htype: "text", "json", "list", "tag" or "polygon".
        dtype: Of polygons' coordinates; None for the others.
        axes: Smallest and largest number of coordinates of a polygon's point in the tensor; 0 stands for
            samples without polygons.
    """

    htype: str
    dtype: np.dtype[Any] | None
    axes: tuple[int, int]


def decode_value(data: bytes | memoryview, kind: ValueFormat) -> Any:
    """The value that a sample's bytes, decompressed, stand for.

    Returns:
        For "text" an array of text of shape (1,); for "json" an object array of shape (1,); for "list" and
        "tag" an object array with an element for each of the list's; for "polygon" a list with an array
        (points, axes) of ``kind.dtype`` for each polygon. Arrays own their memory and can be written to.

    Raises:
        DecodeError: Text that is not UTF-8, broken JSON, polygons of another length than they state.
        UnsupportedError: JSON with a file inside (Deep Lake's ``Sample``).
    """
    if kind.htype == POLYGON:
        return _polygons(bytes(data), kind)
    try:
        text = str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise _damaged(f"the text is not UTF-8: {error.reason} at byte {error.start}") from None
    if kind.htype == TEXT:
        return np.array([text])
    value = _json(text)
    if kind.htype == "json":
        return _objects([value])
    # Deep Lake lets an empty text or object pass for an empty list when it is written.
    if not isinstance(value, list) and value not in ("", {}):
        raise _damaged(f"the JSON is not a list but {type(value).__name__}")
    return _objects(list(value))


def _objects(values: list[Any]) -> npt.NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        array[index] = value
    return array


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_hook=_custom_type)
    except (ValueError, KeyError, TypeError, OverflowError, SyntaxError, RecursionError) as error:
        raise _damaged(f"the JSON is broken: {type(error).__name__}: {error}") from error


def _custom_type(values: dict[str, Any]) -> Any:
    """Deep Lake writes what JSON lacks as objects with a key of its own."""
    kind = values.get("_hub_custom_type")
    if kind == "ndarray":
        stored = np.frombuffer(base64.b64decode(values["data"]), dtype=np.dtype(values["dtype"]))
        return stored.reshape(values["shape"]).copy()
    if kind == "bytes":
        return base64.b64decode(values["data"])
    if kind == "Sample":
        raise UnsupportedError("the JSON holds a file (a Deep Lake Sample), which is not supported yet")
    return values


def _polygons(data: bytes, kind: ValueFormat) -> list[npt.NDArray[Any]]:
    """u16 number of polygons, u16 points of each, then all coordinates; nothing at all for no polygon."""
    if not data:
        return []
    count = int.from_bytes(data[:2], "little")
    start = 2 + 2 * count
    if len(data) < start:
        raise _damaged(f"{count} polygons cannot be in {len(data)} bytes")
    lengths = np.frombuffer(data, dtype="<u2", count=count, offset=2).astype(np.int64)
    assert kind.dtype is not None  # polygons without a dtype are refused
    if not lengths.all() or count == 0:
        raise _damaged("a polygon has no points")
    # How many axes a point has is not among the bytes: it follows from their number.
    points, point_bytes = int(lengths.sum()), len(data) - start
    axes, rest = divmod(point_bytes, points * kind.dtype.itemsize)
    if rest or not max(kind.axes[0], 1) <= axes <= kind.axes[1]:
        raise _damaged(f"{point_bytes} bytes are not {points} points of polygons")
    coordinates = np.frombuffer(data, dtype=kind.dtype, offset=start).reshape(points, axes)
    return [part.copy() for part in np.split(coordinates, np.cumsum(lengths)[:-1])]


def _damaged(cause: str) -> DecodeError:
    return DecodeError(cause, hint=_DAMAGED_SAMPLE)
