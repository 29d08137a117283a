"""Trying rows of a Deep Lake 4 dataset, whose chunks only Deep Lake's own package sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from penstock._native import require_native
from penstock.dataset.interface import Tensor, Wrong
from penstock.errors import PenstockError
from penstock.format.image_header import read_image_header

__all__ = ["check_rows"]


def check_rows(
    tensor: Tensor, rows: Sequence[int], items: Sequence[Any], *, decode: bool, native: bool
) -> Iterator[Wrong]:
    """What is wrong with some rows of a column. Image files are decoded by the core where it is there.

    Args:
        tensor: The column.
        rows: The rows.
        items: Of each row what ``read_many`` gives.
        decode, native: As for :meth:`penstock.Tensor.check_block`.
    """
    for index, item in zip(rows, items, strict=True):
        try:
            if isinstance(item, Exception):
                raise item
            if tensor.value_format is not None:
                if decode:
                    tensor.value(index, [item])
            elif isinstance(item, bytes):
                _check_image(tensor, index, item, decode, native)
        except PenstockError as error:
            error.index, error.tensor = index, error.tensor or tensor.name
            yield Wrong(error, index, None)


def _check_image(tensor: Tensor, index: int, file: bytes, decode: bool, native: bool) -> None:
    assert tensor.sample_compression is not None and tensor.dtype is not None
    header = read_image_header(file, tensor.sample_compression, tensor.dtype.itemsize)
    if not decode:
        return
    if native and header.plain:
        require_native().decode_image(file, tensor.sample_compression, header.shape, tensor.dtype.itemsize)
    else:
        tensor.read(index)
