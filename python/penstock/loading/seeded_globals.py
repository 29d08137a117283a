"""The process's own random generators, lent to one sample at a time."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from penstock.loading.streams import sample_generator
from penstock.locks import ForkLock

__all__ = ["pass_over", "seeded_globals"]

logger = logging.getLogger("penstock")

#: Threads that iterate loaders of one process share the generators.
_turn = ForkLock()
#: The thread that had the latest turn.
_holder: int | None = None
#: Seconds that a thread waits for its turn. A transform that never returns must not stop all others.
_PATIENCE = 60.0


@contextmanager
def seeded_globals(seed: int, epoch: int, index: int) -> Iterator[None]:
    """Seeds ``random``, ``numpy.random`` and torch's CPU generator for one sample; puts them back afterwards. Other
    threads that come for them wait meanwhile."""
    global _holder
    while not _turn.acquire(_PATIENCE):
        logger.warning(
            "penstock: a transform has not returned for %d seconds: others go on beside it, and what both draw from "
            "random, numpy.random or torch does not follow from the seed",
            _PATIENCE,
        )
        _turn.renew()
    _holder = threading.get_ident()
    try:
        with _seeded(int(sample_generator(seed, epoch, index).integers(2**32))):
            yield
    finally:
        _turn.release()


def pass_over(threads: Collection[int]) -> None:
    """Ends the turn of threads that are left to themselves, by their idents."""
    if _holder in threads:
        _turn.renew()


@contextmanager
def _seeded(value: int) -> Iterator[None]:
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(value)
    np.random.seed(value)
    torch.default_generator.manual_seed(value)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])
