"""Which sampler a loader gets, where the user gives none."""

from __future__ import annotations

from typing import Any

from penstock.loading.chunk_sampler import ChunkSampler, stored_chunks
from penstock.loading.options import Shuffle
from penstock.loading.samples import Samples
from penstock.loading.sampling import EpochSampler, InOrderSampler, SharedSampler

__all__ = ["order_name", "sampler_for"]


def sampler_for(samples: Samples, mode: Shuffle, window: int, **arguments: Any) -> SharedSampler:
    """The sampler of a way to shuffle.

    Args:
        samples: What is ordered.
        mode: "none", "full" or "chunk".
        window: Of "chunk".
        arguments: seed, world and drop_last, as :class:`EpochSampler` has them.
    """
    if mode == "none":
        return InOrderSampler(len(samples), **arguments)
    chunks = stored_chunks(samples.source, samples.read_tensors, len(samples)) if mode == "chunk" else None
    if chunks is None or not len(chunks):
        return EpochSampler(len(samples), shuffle=True, **arguments)
    return ChunkSampler(chunks, window, **arguments)


def order_name(sampler: Any) -> str:
    """How a sampler orders samples, for a state: with the same dataset and seed it stands for one order."""
    if not isinstance(sampler, SharedSampler):
        return f"{type(sampler).__module__}.{type(sampler).__qualname__}"
    mode, window = sampler.mode
    return mode if window is None else f"{mode}, window {window}"
