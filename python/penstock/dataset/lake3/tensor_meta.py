"""What tensor_meta.json says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from penstock.dataset.lake3.records import Record
from penstock.format.values import JSON_HTYPES

__all__ = ["TensorMeta", "parse_tensor_meta"]

# These writers had scalars without an axis; later versions read them as one of length 1.
_SCALARS_WITHOUT_AXIS = ("2.0.2", "2.0.3", "2.0.4", "2.0.5")


#: Deep Lake's own note for an extent that it does not know.
_UNKNOWN = -1


@dataclass(frozen=True)
class TensorMeta:
    """A tensor's metadata, checked.

    Attributes:
        htype: Deep Lake's type; "generic" where none is given.
        dtype: Dtype of the elements in native byte order, None where there is none or it is not a numeric
            one.
        dtype_name: The dtype as written.
        sample_compression, chunk_compression: Names, or None.
        min_shape, max_shape: Smallest and largest extent of each axis, as Deep Lake has noted them: hints that may be
            wrong (Deep Lake notes -1 after some odd files). Empty before the first non-empty sample.
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
        if not self.max_shape or self.min_shape != self.max_shape:
            return None
        return self.max_shape if all(0 <= extent < 2**32 for extent in self.max_shape) else None


def parse_tensor_meta(record: Record) -> TensorMeta:
    """Checks and converts a tensor's metadata. Raises DatasetFormatError."""
    length = record.get("length", int)
    # Python's own lengths end there.
    if not 0 <= length < 2**63:
        raise record.broken(f"'length' is {length}")
    smallest, largest = _shape_hints(record)
    if length and not largest and record.values.get("version") in _SCALARS_WITHOUT_AXIS:
        smallest = largest = (1,)
    htype = record.get_optional("htype", str) or "generic"
    # JSON-like htypes keep a schema here, which need not be text, and may be named as a dtype is ("int").
    dtype_name = record.values.get("dtype")
    return TensorMeta(
        htype=htype,
        dtype=None if htype in JSON_HTYPES else _numeric_dtype(dtype_name),
        dtype_name=None if dtype_name is None else str(dtype_name),
        sample_compression=record.get_optional("sample_compression", str),
        chunk_compression=record.get_optional("chunk_compression", str),
        min_shape=smallest,
        max_shape=largest,
        length=length,
        is_sequence=record.get_optional("is_sequence", bool, False),
        is_link=record.get_optional("is_link", bool, False),
    )


def _shape_hints(record: Record) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The smallest and the largest shape. Samples have shapes of their own: what is noted of all of them refuses no
    dataset, and where one of the two notes is unusable the other one stands for the number of axes.
    """
    smallest, largest = (_extents(record.values.get(name)) for name in ("min_shape", "max_shape"))
    if largest is None:
        largest = () if smallest is None else (_UNKNOWN,) * len(smallest)
    if smallest is None or len(smallest) != len(largest):
        smallest = (_UNKNOWN,) * len(largest)
    return smallest, largest


def _extents(value: Any) -> tuple[int, ...] | None:
    """Whole numbers of any size; None for anything else."""
    if not isinstance(value, list) or any(not isinstance(extent, int) or isinstance(extent, bool) for extent in value):
        return None
    return tuple(value)


def _numeric_dtype(name: Any) -> np.dtype[Any] | None:
    if not isinstance(name, str):
        return None
    try:
        dtype = np.dtype(name)
    except (TypeError, ValueError, SyntaxError):
        return None
    return dtype if dtype.kind in "biufcmM" and dtype.isnative else None
