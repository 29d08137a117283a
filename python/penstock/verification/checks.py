"""Trying all samples of tensors, by the native core or in Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from penstock._native import require_native
from penstock.dataset import Dataset, Tensor
from penstock.dataset.interface import Block, Wrong
from penstock.loading.native.sources import native_store, tensor_source
from penstock.loading.readings import Reading
from penstock.verification.findings import Finding

__all__ = ["Checked", "check_in_native_core", "check_in_python", "is_for_core"]


@dataclass(frozen=True)
class Checked:
    """One block of samples: their number and what is wrong with them."""

    samples: int
    findings: list[Finding]


def is_for_core(tensor: Tensor, decode: bool) -> bool:
    """Whether the core checks all of a tensor. It goes by chunks, of which a view may have a part and a sample in tiles
    many; and text, JSON, polygons, rare image formats and links come of bytes that Python has to try.
    """
    stored = tensor.core_source().in_chunks
    if stored is None or stored.rows is not None or tensor.is_link or stored.chunks.tiles:
        return False
    return tensor.route("numpy") == "arrays" or (tensor.value_format is not None and not decode)


def check_in_native_core(
    dataset: Dataset, tensors: Sequence[Tensor], threads: int, decode: bool
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
            yield Checked(samples, [_finding(by_name, Wrong(*found)) for found in bad])
    finally:
        verifier.stop()


def check_in_python(tensors: Mapping[str, tuple[Tensor, bool]], threads: int, *, native: bool) -> Iterator[Checked]:
    """Block after block; Pillow and lz4 let threads of Python run beside each other.

    Args:
        tensors: By name, with whether its samples are to be decoded.
        threads: How many threads.
        native: The core may help where samples are checked one by one.
    """
    by_name = {name: tensor for name, (tensor, _) in tensors.items()}

    def check(place: tuple[Tensor, bool, Block]) -> Checked:
        tensor, decode, block = place
        wrong = tensor.check_block(block, decode=decode, native=native)
        return Checked(len(block.items), [_finding(by_name, found) for found in wrong])

    places = [(tensor, decode, block) for tensor, decode in tensors.values() for block in tensor.blocks()]
    pool = ThreadPoolExecutor(threads, thread_name_prefix="penstock-verify")
    try:
        yield from pool.map(check, places)
    finally:
        pool.shutdown(cancel_futures=True)


def _finding(tensors: Mapping[str, Tensor], wrong: Wrong) -> Finding:
    """Of an item that is bad, or of several. Of a sequence, the finding names the sequence."""
    error, last = wrong.error, wrong.last
    tensor = tensors.get(error.tensor or "")
    stored = None if tensor is None else tensor.core_source().in_chunks
    runs = None if stored is None else stored.runs
    if runs is not None and error.index is not None:
        ends = [runs.sequence_of(item) for item in (error.index, last)]
        error.index, last = ends[0], max(end for end in (*ends, 0) if end is not None)
    return Finding.of(error, last_index=last, byte_range=wrong.byte_range)
