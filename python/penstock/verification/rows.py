"""Trying all rows of Deep Lake 4 datasets, whose chunks only Deep Lake's own package sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from penstock._native import require_native
from penstock.dataset.lake4 import Lake4Tensor
from penstock.errors import PenstockError
from penstock.format.image_header import read_image_header
from penstock.verification.checks import Checked
from penstock.verification.findings import Finding

__all__ = ["check_rows"]

#: Rows that are read at once.
_MANY = 64


def check_rows(tensors: Sequence[Lake4Tensor], threads: int, native: bool, decode: bool) -> Iterator[Checked]:
    """Some rows of a column after the other. Image files are decoded by the core where it is there."""

    def check(block: tuple[Lake4Tensor, range]) -> Checked:
        tensor, rows = block
        found = zip(rows, tensor.read_many(rows, decoded=False), strict=True)
        findings = [_finding(tensor, index, item, native, decode) for index, item in found]
        return Checked(len(rows), [finding for finding in findings if finding is not None])

    pool = ThreadPoolExecutor(threads, thread_name_prefix="penstock-verify")
    try:
        blocks = (
            (tensor, range(begin, min(begin + _MANY, len(tensor))))
            for tensor in tensors
            for begin in range(0, len(tensor), _MANY)
        )
        yield from pool.map(check, blocks)
    finally:
        pool.shutdown(cancel_futures=True)


def _finding(tensor: Lake4Tensor, index: int, item: Any, native: bool, decode: bool) -> Finding | None:
    try:
        if isinstance(item, Exception):
            raise item
        if tensor.value_format is not None:
            if decode:
                tensor.value(index, [item])
        elif isinstance(item, bytes):
            _check_image(tensor, index, item, native, decode)
    except PenstockError as error:
        error.index = index
        return Finding.of(error, tensor=tensor.name)
    return None


def _check_image(tensor: Lake4Tensor, index: int, file: bytes, native: bool, decode: bool) -> None:
    assert tensor.sample_compression is not None and tensor.dtype is not None
    header = read_image_header(file, tensor.sample_compression, tensor.dtype.itemsize)
    if not decode:
        return
    if native and header.plain:
        require_native().decode_image(file, tensor.sample_compression, header.shape, tensor.dtype.itemsize)
    else:
        tensor.read(index)
