"""Trying all samples of tensors, by the native core or in Python."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from penstock._native import require_native
from penstock.dataset.lake3.dataset import Lake3Dataset
from penstock.dataset.lake3.tensor import Lake3Tensor
from penstock.errors import PenstockError
from penstock.loading.native.sources import native_store, tensor_source
from penstock.loading.readings import Reading
from penstock.verification.findings import Finding

__all__ = ["Checked", "check_in_native_core", "check_in_python", "items_of"]


@dataclass(frozen=True)
class Checked:
    """One chunk: its number of items and what is wrong with them."""

    samples: int
    findings: list[Finding]


def check_in_native_core(
    dataset: Lake3Dataset, tensors: Sequence[Lake3Tensor], threads: int, decode: bool
) -> Iterator[Checked]:
    """Chunk after chunk, on threads of the core."""
    native = require_native()
    by_name = {tensor.name: tensor for tensor in tensors}
    verifier = native.Verifier(
        store=native_store(dataset),
        sources=[tensor_source(native, Reading(tensor)) for tensor in tensors],
        threads=threads,
        decode=decode,
    )
    try:
        while (chunk := verifier.next()) is not None:
            samples, bad = chunk
            yield Checked(samples, [_finding(by_name, *found) for found in bad])
    finally:
        verifier.stop()


def check_in_python(tensors: Sequence[Lake3Tensor], threads: int, decode: bool) -> Iterator[Checked]:
    """Chunk after chunk; Pillow and lz4 let threads of Python run beside each other."""

    def check(place: tuple[Lake3Tensor, int, Sequence[int]]) -> Checked:
        tensor, row, items = place
        by_name = {tensor.name: tensor}
        return Checked(len(items), [_finding(by_name, *found) for found in tensor.check_chunk(row, decode, items)])

    pool = ThreadPoolExecutor(threads, thread_name_prefix="penstock-verify")
    try:
        yield from pool.map(check, [(tensor, *part) for tensor in tensors for part in _parts(tensor)])
    finally:
        pool.shutdown(cancel_futures=True)


def items_of(tensor: Lake3Tensor) -> Sequence[int]:
    """The items of the whole tensor that a tensor's samples are made of, rising: all, or a view's."""
    if tensor.rows is None:
        return range(tensor.chunks.num_samples)
    items: list[int] = sorted({item for index in range(len(tensor)) for item in tensor.items(index)})
    return items


def _finding(
    tensors: Mapping[str, Lake3Tensor], error: PenstockError, last: int, byte_range: tuple[int, int] | None
) -> Finding:
    """Of an item that is bad, or of several. Of a sequence, the finding names the sequence."""
    tensor = tensors.get(error.tensor or "")
    if tensor is not None and tensor.is_sequence and error.index is not None:
        ends = [tensor.sequences.sequence_of(item) for item in (error.index, last)]
        error.index, last = ends[0], max(end for end in (*ends, 0) if end is not None)
    return Finding.of(error, last_index=last, byte_range=byte_range)


def _parts(tensor: Lake3Tensor) -> Iterator[tuple[int, Sequence[int]]]:
    """The chunks that a tensor's items lie in, and which of them each holds; of an item in tiles, the first chunk."""
    items, chunks = items_of(tensor), tensor.chunks
    begin = 0
    for row, last in enumerate(chunks.last_index.tolist()):
        end = last + 1 if isinstance(items, range) else bisect_right(items, last)
        if begin < end:
            yield row, items[begin:end]
        begin = end
