"""Who draws which random numbers: the one place that divides up the streams of numpy's Philox (4x64, 10 rounds).

Every stream has the key (seed, epoch), and begins where its counter says; nothing else decides its numbers. A stream
counts in the counter's first word, so that two whose other words differ never meet, and each is reached without drawing
the others. ``csrc/base/philox.h`` gives the streams of samples and of their steps in C++.

    | purpose                        | second word                           | third word | fourth word         |
    |--------------------------------|---------------------------------------|------------|---------------------|
    | a sample's global generators   | 0                                     | index      | SAMPLE              |
    | a step of a sample's pipeline  | attempt << 32 | part << 16 | step + 1 | index      | SAMPLE              |
    | the order of an epoch          | 0                                     | 0          | ORDER               |
    | an order of batches of a group | 0                                     | 0          | GROUPED_ORDER       |
    | an order chunk by chunk        | 0                                     | 0          | CHUNK_ORDER         |
    | the same of batches of a group | 0                                     | 0          | GROUPED_CHUNK_ORDER |
    | an order drawn by weights      | 0                                     | 0          | WEIGHTED_ORDER      |

A new purpose takes a new number for the fourth word.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from penstock._native import HAVE_NATIVE, require_native

__all__ = [
    "chunk_order_generator",
    "grouped_chunk_order_generator",
    "grouped_order_generator",
    "permutation",
    "sample_generator",
    "step_generator",
    "weighted_order_generator",
]


class _Purpose(IntEnum):
    SAMPLE = 0
    ORDER = 1
    GROUPED_ORDER = 2
    CHUNK_ORDER = 3
    GROUPED_CHUNK_ORDER = 4
    WEIGHTED_ORDER = 5


def sample_generator(seed: int, epoch: int, index: int) -> np.random.Generator:
    """What seeds the global generators for one sample, which callables and Python steps may draw from."""
    return _generator(seed, epoch, 0, index, _Purpose.SAMPLE)


def step_generator(seed: int, epoch: int, index: int, attempt: int, part: int, step: int) -> np.random.Generator:
    """The draws of one step of a pipeline.

    Args:
        seed, epoch: Of the loader.
        index: The sample that was planned.
        attempt: How many samples the pipeline has rejected before.
        part: 0 for the sample itself; n for the n-th other image that is mixed into it.
        step: Number of the step; -1 for the draws that choose another sample in place of a rejected one.
    """
    return _generator(seed, epoch, attempt << 32 | part << 16 | step + 1, index, _Purpose.SAMPLE)


def permutation(length: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """The order of a plain shuffle, int64 [length]: numpy's, which the core makes in a fifth of the time."""
    if HAVE_NATIVE and length < 2**32:
        order: npt.NDArray[np.int64] = require_native().permutation(seed, epoch, int(_Purpose.ORDER), length)
        return order
    return _generator(seed, epoch, 0, 0, _Purpose.ORDER).permutation(length)


def grouped_order_generator(seed: int, epoch: int) -> np.random.Generator:
    """What a shuffle into batches of one group each draws."""
    return _generator(seed, epoch, 0, 0, _Purpose.GROUPED_ORDER)


def chunk_order_generator(seed: int, epoch: int) -> np.random.Generator:
    """What a shuffle that goes chunk by chunk draws."""
    return _generator(seed, epoch, 0, 0, _Purpose.CHUNK_ORDER)


def grouped_chunk_order_generator(seed: int, epoch: int) -> np.random.Generator:
    """What such a shuffle into batches of one group each draws."""
    return _generator(seed, epoch, 0, 0, _Purpose.GROUPED_CHUNK_ORDER)


def weighted_order_generator(seed: int, epoch: int) -> np.random.Generator:
    """What an order that is drawn by the samples' weights draws."""
    return _generator(seed, epoch, 0, 0, _Purpose.WEIGHTED_ORDER)


def _generator(seed: int, epoch: int, word: int, index: int, purpose: _Purpose) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=_words(seed, epoch), counter=_words(0, word, index, purpose)))


def _words(*values: int) -> npt.NDArray[np.uint64]:
    """64-bit words: numpy would make floats of a list with numbers from 2**63 on."""
    return np.array(values, dtype=np.uint64)
