"""Samplers of the user's own: when they are read, and how one is brought back to where an epoch began.

Note [Read at once, or streamed]: torch's own samplers decide nothing while an epoch goes on, and end. They are read as
a whole, so that the core knows what comes when. Any other sampler may be endless, or decide as it goes: it is asked for
a few batches at a time.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch.utils.data import (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from torch.utils.data.distributed import DistributedSampler

from penstock.errors import ConfigError
from penstock.loading.batch_sampler import Batches, own_share
from penstock.loading.sampling import SharedSampler

__all__ = ["batches_of", "ends_by_itself", "sampler_note", "skipping"]

_RANDOM = (RandomSampler, SubsetRandomSampler, WeightedRandomSampler)
_KNOWN = (*_RANDOM, SequentialSampler, DistributedSampler, list, tuple, range)


def ends_by_itself(sampler: Any) -> bool:
    """Whether a sampler may be read as a whole: see the note above."""
    if type(sampler) in (BatchSampler, Batches):
        return ends_by_itself(sampler.sampler)
    return type(sampler) in _KNOWN or isinstance(sampler, SharedSampler | np.ndarray | torch.Tensor)


def sampler_note(sampler: Any, *, at_start: bool) -> dict[str, Any] | None:
    """What brings a sampler back to where it is now, before an epoch; None where nothing does.

    Args:
        sampler: The sampler, or a batch sampler.
        at_start: The epoch is about to begin: torch's global generator, which some draw from, is as they will find it.
    """
    state_dict = getattr(sampler, "state_dict", None)
    if callable(state_dict):
        return {"state": state_dict()}
    inner: Any = sampler.sampler if isinstance(sampler, BatchSampler) else sampler
    if inner is not sampler and callable(getattr(inner, "state_dict", None)):
        return {"inner": inner.state_dict()}
    if type(inner) not in _RANDOM:
        return None
    if inner.generator is not None:
        return {"generator": _to_text(inner.generator.get_state())}
    return {"global": _to_text(torch.get_rng_state())} if at_start else None


def skipping(sampler: Any, note: Mapping[str, Any] | None, skip: int) -> Iterator[Any]:
    """What a sampler gives, but for the first so many, from where the note was made.

    Raises:
        ConfigError: The note is of another sampler.
    """
    inner: Any = sampler.sampler if isinstance(sampler, BatchSampler) else sampler
    drawn_from = None
    try:
        if note is not None and "state" in note:
            sampler.load_state_dict(note["state"])
        elif note is not None and "inner" in note:
            inner.load_state_dict(note["inner"])
        elif note is not None and "generator" in note:
            inner.generator.set_state(_from_text(note["generator"]))
        elif note is not None and "global" in note:
            drawn_from = _from_text(note["global"])
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(f"the state of the sampler does not fit this one: {error}") from error
    return _skipped(sampler, drawn_from, skip)


def _skipped(sampler: Iterable[Any], drawn_from: torch.Tensor | None, skip: int) -> Iterator[Any]:
    indices = _shared(sampler)
    if drawn_from is not None:
        # All that torch's samplers draw of the global generator they draw with the first index.
        before = torch.get_rng_state()
        torch.set_rng_state(drawn_from)
        try:
            first = list(islice(indices, 1))
        finally:
            torch.set_rng_state(before)
        if skip == 0:
            yield from first
        skip = max(skip - 1, 0)
    yield from islice(indices, skip, None)


def _shared(sampler: Iterable[Any]) -> Iterator[Any]:
    """What this rank gets of a sampler."""
    with own_share():
        drawn = iter(sampler)
    while True:
        with own_share():
            try:
                index = next(drawn)
            except StopIteration:
                return
        yield index


def batches_of(indices: Iterator[Any], batch_size: int, drop_last: bool) -> Iterator[list[Any]]:
    """Batches of a stream of indices."""
    while batch := list(islice(indices, batch_size)):
        if len(batch) < batch_size and drop_last:
            return
        yield batch


def _to_text(state: torch.Tensor) -> str:
    return base64.b64encode(state.numpy().tobytes()).decode()


def _from_text(text: str) -> torch.Tensor:
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), np.uint8).copy())
