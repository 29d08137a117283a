"""The order of a chain that draws its samples by weights, or begins elsewhere than at its first sample."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from penstock.loading.sampling import EpochSampler, alone
from penstock.loading.stages import Stages, taken
from penstock.loading.streams import weighted_order_generator

__all__ = ["ChainSampler", "Weights"]


class Weights:
    """How samples are drawn.

    Args:
        weights: One of each sample: finite, not negative, not all 0.
        replace: A sample may come several times. Else those of weight 0 come last, in the dataset's order.
        size: How many samples an epoch has. Without ``replace`` at most as many as there are.

    Raises:
        TypeError, ValueError: They are no such numbers.
    """

    def __init__(self, weights: object, replace: bool = True, size: int | None = None) -> None:
        try:
            self.values = np.asarray(weights, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise TypeError(f"sample_by: weights must be numbers, one for each sample ({error})") from None
        if self.values.ndim != 1:
            raise ValueError(f"sample_by: weights must have one axis, got the shape {self.values.shape}")
        if not np.isfinite(self.values).all() or (self.values < 0).any() or not self.values.any():
            raise ValueError("sample_by: weights must be finite, not negative, and not all 0")
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
            raise ValueError(f"sample_by: size must be an int of at least 1, got {size!r}")
        self.replace = bool(replace)
        most = len(self.values) if size is None else size
        self.size = most if replace else min(most, len(self.values))
        self._ends = np.cumsum(self.values)

    def draw(self, generator: np.random.Generator) -> npt.NDArray[np.int64]:
        """Indices, int64 [size]. Takes a double for each that is drawn with replacement, else for each weight."""
        if self.replace:
            # The first whose cumulated share exceeds the double.
            places = np.searchsorted(self._ends, generator.random(self.size) * self._ends[-1], side="right")
            indices: npt.NDArray[np.int64] = np.minimum(places, np.flatnonzero(self.values)[-1]).astype(np.int64)
            return indices
        # A weight's exponential waiting time: the order of these times is that of drawing one after the other.
        with np.errstate(divide="ignore", invalid="ignore"):
            times = -np.log1p(-generator.random(len(self.values))) / self.values
        times[self.values == 0] = np.inf
        return np.argsort(times, kind="stable")[: self.size].astype(np.int64)

    def digest(self) -> str:
        """Eight hex digits that stand for them."""
        facts = f"{self.replace} {self.size} ".encode() + self.values.astype("<f8").tobytes()
        return hashlib.sha256(facts).hexdigest()[:8]


class ChainSampler(EpochSampler):
    """Indices of one rank for one epoch.

    Args:
        samples: Number of samples of the dataset.
        shuffle: A permutation for each epoch, where no weights say otherwise.
        weights: Samples are drawn by them, anew for each epoch.
        offset: The order begins with its sample of this number, and ends with the one before it.
        world, drop_last: As for :class:`EpochSampler`.
    """

    def __init__(
        self,
        samples: int,
        *,
        shuffle: bool,
        weights: Weights | None,
        offset: int,
        world: Callable[[], tuple[int, int]] = alone,
        drop_last: bool = False,
    ) -> None:
        length = samples if weights is None else weights.size
        super().__init__(length, shuffle=shuffle, seed=_no_seed, world=world, drop_last=drop_last)
        self._weights = weights
        self._offset = offset

    def draw_from(self, seed: Callable[[], int]) -> None:
        """Says what gives the seed; orders can be asked for from then on."""
        self._seed = seed

    @property
    def mode(self) -> tuple[str, int | None]:
        """As :attr:`EpochSampler.mode`, with what stands for weights and offset."""
        words = ["full" if self._shuffle else "none"]
        if self._weights is not None:
            words.append(f"weights {self._weights.digest()}")
        if self._offset:
            words.append(f"offset {self._offset}")
        return ", ".join(words), None

    def order(self, done: Stages = ()) -> npt.NDArray[np.int64]:
        """As :meth:`EpochSampler.order`."""
        rank, world_size = self._world()
        begin, each = taken(done), self.left(done)
        places = np.arange(begin + rank, begin + each * world_size, world_size, dtype=np.int64)
        shared: npt.NDArray[np.int64] = self.whole_order()[places % max(self._length, 1)]
        return shared

    def whole_order(self) -> npt.NDArray[np.int64]:
        """As :meth:`EpochSampler.whole_order`; with weights, samples may come several times."""
        if self._weights is None:
            order = super().whole_order()
        else:
            order = self._weights.draw(weighted_order_generator(self._seed(), self.epoch))
        return np.roll(order, -self._offset)


def _no_seed() -> int:
    raise RuntimeError("the sampler has no seed yet: draw_from() says what gives it")
