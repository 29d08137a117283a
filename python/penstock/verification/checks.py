"""Trying all samples of tensors, by the native core or in Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from penstock._native import require_native
from penstock.dataset import Tensor
from penstock.native_loader import tensor_source
from penstock.verification.findings import Finding

__all__ = ["Checked", "check_in_native_core", "check_in_python"]


@dataclass(frozen=True)
class Checked:
    """One chunk: its number of samples and what is wrong with them."""

    samples: int
    findings: list[Finding]


def check_in_native_core(tensors: Sequence[Tensor], threads: int, decode: bool) -> Iterator[Checked]:
    """Chunk after chunk, on threads of the core."""
    native = require_native()
    verifier = native.Verifier(
        root=tensors[0].path,
        sources=[tensor_source(native, tensor, "native") for tensor in tensors],
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

    def check(place: tuple[Tensor, int]) -> Checked:
        tensor, row = place
        first, last = tensor.chunks.first_index(row), int(tensor.chunks.last_index[row])
        return Checked(
            last - first + 1,
            [
                Finding.of(error, last_index=last_bad, byte_range=bytes_)
                for error, last_bad, bytes_ in tensor.check_chunk(row, decode)
            ],
        )

    pool = ThreadPoolExecutor(threads, thread_name_prefix="penstock-verify")
    try:
        yield from pool.map(check, [(tensor, row) for tensor in tensors for row in range(len(tensor.chunks))])
    finally:
        pool.shutdown(cancel_futures=True)
