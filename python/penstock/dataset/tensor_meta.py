"""What tensor_meta.json says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from penstock.dataset.records import Record
from penstock.reference.values import JSON_HTYPES

__all__ = ["TensorMeta", "parse_tensor_meta"]

# These writers had scalars without an axis; later versions read them as one of length 1.
_SCALARS_WITHOUT_AXIS = ("2.0.2", "2.0.3", "2.0.4", "2.0.5")


@dataclass(frozen=True)
class TensorMeta:
    """A tensor's metadata, checked.

    Attributes:
        htype: Deep Lake's type; "generic" where none is given.
        dtype: Dtype of the elements in native byte order, None where there is none or it is not a numeric
            one.
        dtype_name: The dtype as written.
        sample_compression, chunk_compression: Names, or None.
        min_shape, max_shape: Smallest and largest extent of each axis; empty before the first non-empty
            sample.
        length: Number of samples (of items, for a sequence).
        is_sequence, is_link: Whether samples are sequences, or links to files elsewhere.
    """

    htype: str
    dtype: np.dtype[Any] | None
    dtype_name: str | None
    sample_compression: str | None
    chunk_compression: str | None
    min_shape: tuple[int, ...]
    max_shape: tuple[int, ...]
    length: int
    is_sequence: bool
    is_link: bool

    @property
    def fixed_shape(self) -> tuple[int, ...] | None:
        """The shape of every sample, where all are equal."""
        return self.max_shape if self.max_shape and self.min_shape == self.max_shape else None


def parse_tensor_meta(record: Record) -> TensorMeta:
    """Checks and converts a tensor's metadata. Raises DatasetFormatError."""
    length = record.get("length", int)
    # Python's own lengths end there.
    if not 0 <= length < 2**63:
        raise record.broken(f"'length' is {length}")
    shapes = {name: _shape(record, name) for name in ("min_shape", "max_shape")}
    if len(shapes["min_shape"]) != len(shapes["max_shape"]):
        raise record.broken("'min_shape' and 'max_shape' have different numbers of axes")
    if length and not shapes["max_shape"] and record.values.get("version") in _SCALARS_WITHOUT_AXIS:
        shapes = dict.fromkeys(shapes, (1,))
    htype = record.get_optional("htype", str) or "generic"
    # JSON-like htypes keep a schema here, which need not be text, and may be named as a dtype is ("int").
    dtype_name = record.values.get("dtype")
    return TensorMeta(
        htype=htype,
        dtype=None if htype in JSON_HTYPES else _numeric_dtype(dtype_name),
        dtype_name=None if dtype_name is None else str(dtype_name),
        sample_compression=record.get_optional("sample_compression", str),
        chunk_compression=record.get_optional("chunk_compression", str),
        min_shape=shapes["min_shape"],
        max_shape=shapes["max_shape"],
        length=length,
        is_sequence=record.get_optional("is_sequence", bool, False),
        is_link=record.get_optional("is_link", bool, False),
    )


def _shape(record: Record, name: str) -> tuple[int, ...]:
    extents = record.get(name, list)
    for extent in extents:
        if not isinstance(extent, int) or isinstance(extent, bool) or not 0 <= extent < 2**32:
            raise record.broken(f"'{name}' is not a shape: {str(extents)[:60]}")
    return tuple(extents)


def _numeric_dtype(name: Any) -> np.dtype[Any] | None:
    if not isinstance(name, str):
        return None
    try:
        dtype = np.dtype(name)
    except (TypeError, ValueError, SyntaxError):
        return None
    return dtype if dtype.kind in "biufcmM" and dtype.isnative else None
