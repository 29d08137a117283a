"""Samples without a batch, for ``batch_size=None``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch.utils.data import default_convert

__all__ = ["Unbatched"]


@dataclass(frozen=True)
class Unbatched:
    """Makes what goes out of a sample: numpy's arrays become tensors, as torch's loader makes them.

    Attributes:
        convert: In place of that: takes the sample.
    """

    convert: Callable[[Any], Any] | None

    def __call__(self, samples: Any) -> Any:
        """What goes out.

        Args:
            samples: One sample, or a list of one.
        """
        sample = samples[0] if isinstance(samples, list) else samples
        return (self.convert or default_convert)(sample)
