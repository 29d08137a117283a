"""A loader's seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from penstock.loading.sampling import base_seed, draw_seed
from penstock.locks import ForkLock

__all__ = ["LoaderSeed"]


class LoaderSeed:
    """The loader's seed, drawn when it is first asked for: ranks may not be known before.

    Args:
        seed: As the user gave it.
        generator: What it is drawn from else; None: torch's own.
        ranks: Gives (rank, world size).
    """

    def __init__(
        self, seed: int | None, generator: torch.Generator | None, ranks: Callable[[], tuple[int, int]]
    ) -> None:
        self.world = ranks
        self._generator = generator
        self._draws = seed is None
        self._seed = None if seed is None else base_seed(seed, generator, 1)
        self._drawing = ForkLock()

    def __call__(self) -> int:
        if self._seed is None:
            with self._drawing:
                if self._seed is None:
                    self._seed = base_seed(None, self._generator, self.world()[1])
        return self._seed

    def draw_for_epoch(self) -> None:
        """Makes the draw that torch's loader makes for each epoch, where the seed comes from a generator: samplers of
        the user's own find it then as torch's loader leaves it. The first one is the seed."""
        if self._seed is None:
            self()
        elif self._draws:
            draw_seed(self._generator)

    def world_size(self) -> int:
        """How many ranks there are."""
        return self.world()[1]

    @property
    def known(self) -> int | None:
        """The seed; None where it was not drawn yet."""
        return self._seed

    def set(self, seed: int) -> None:
        """Takes another seed, of a state."""
        self._seed = seed

    def __getstate__(self) -> dict[str, Any]:
        # A worker process must not draw a seed of its own, and generators do not pickle.
        return vars(self) | {"_generator": None, "_seed": self()}
