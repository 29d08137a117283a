"""What the tests of tests/gpu run in other processes, and how they compare batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

__all__ = ["brighter", "kept_copies", "tensors_of"]


def brighter(sample: dict[str, Any]) -> dict[str, Any]:
    """A transform of worker processes."""
    return {**sample, "equal": sample["equal"] // 2 + 100}


def tensors_of(batch: Any) -> Iterator[torch.Tensor]:
    """All tensors of a batch, in a fixed order."""
    if isinstance(batch, torch.Tensor):
        yield batch
    elif isinstance(batch, dict):
        for key in sorted(batch):
            yield from tensors_of(batch[key])
    elif isinstance(batch, list):
        for value in batch:
            yield from tensors_of(value)


def kept_copies(batches: Any) -> list[list[torch.Tensor]]:
    """Copies of the tensors of each batch."""
    return [[tensor.clone() for tensor in tensors_of(batch)] for batch in batches]
