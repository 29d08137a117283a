"""Trying all samples of tensors, by the native core or in Python."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from penstock._native import require_native
from penstock.dataset import Dataset, Tensor
from penstock.native_loader import native_store, tensor_source
from penstock.readings import Reading
from penstock.verification.findings import Finding

__all__ = ["Checked", "check_in_native_core", "check_in_python", "samples_of"]


@dataclass(frozen=True)
class Checked:
    """One chunk: its number of samples and what is wrong with them."""

    samples: int
    findings: list[Finding]


def check_in_native_core(
    dataset: Dataset, tensors: Sequence[Tensor], threads: int, decode: bool
) -> Iterator[Checked]:
    """Chunk after chunk, on threads of the core."""
    native = require_native()
    verifier = native.Verifier(
        store=native_store(dataset.store),
        sources=[tensor_source(native, Reading(tensor)) for tensor in tensors],
        threads=threads,
        decode=decode,
    )
    try:
        while (chunk := verifier.next()) is not None:
            samples, bad = chunk
            yield Checked(
                samples,
                [Finding.of(error, last_index=last, byte_range=bytes_) for error, last, bytes_ in bad],
            )
    finally:
        verifier.stop()


def check_in_python(tensors: Sequence[Tensor], threads: int, decode: bool) -> Iterator[Checked]:
    """Chunk after chunk; Pillow and lz4 let threads of Python run beside each other."""

    def check(place: tuple[Tensor, int, Sequence[int]]) -> Checked:
        tensor, row, samples = place
        return Checked(
            len(samples),
            [
                Finding.of(error, last_index=last_bad, byte_range=bytes_)
                for error, last_bad, bytes_ in tensor.check_chunk(row, decode, samples)
            ],
        )

    pool = ThreadPoolExecutor(threads, thread_name_prefix="penstock-verify")
    try:
        yield from pool.map(check, [(tensor, *part) for tensor in tensors for part in _parts(tensor)])
    finally:
        pool.shutdown(cancel_futures=True)


def samples_of(tensor: Tensor) -> Sequence[int]:
    """The dataset's samples that a tensor has, rising: all, or a view's."""
    if tensor.rows is None:
        return range(tensor.chunks.num_samples)
    rows: list[int] = np.unique(np.asarray(tensor.rows, dtype=np.int64)).tolist()
    return rows


def _parts(tensor: Tensor) -> Iterator[tuple[int, Sequence[int]]]:
    """The chunks that a tensor's samples lie in, and which of them each holds."""
    samples, chunks = samples_of(tensor), tensor.chunks
    begin = 0
    for row, last in enumerate(chunks.last_index.tolist()):
        end = last + 1 if isinstance(samples, range) else bisect_right(samples, last)
        if begin < end:
            yield row, samples[begin:end]
        begin = end
