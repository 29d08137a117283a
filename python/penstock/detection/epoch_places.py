"""What has come before a sample in an epoch: steps that take other images from a cache find them so.

MMDetection 3's ``CachedMosaic`` and ``CachedMixUp`` mix in images that the same worker has made before: what they give
depends on the number of workers. Here the others are those that come before a sample in the order of the epoch, each as
it is where its own turn is. So they are functions of seed, epoch and index, and neighbours need the same images.
``docs/how-to/adding-a-step.md`` has the rule as a whole.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = ["EpochOrder", "EpochPlaces"]

_Indices = npt.NDArray[np.int64]

#: Gives the order of an epoch, int64 [items], of which nothing but their number, the seed and the epoch decides: not
#: how many ranks there are, nor how large batches are.
EpochOrder = Callable[[int, int, int], _Indices]


class EpochPlaces:
    """The places of items in the order of one epoch.

    Args:
        order: int64 [items]: each item once.
    """

    def __init__(self, order: _Indices) -> None:
        self._order = order
        self._place_of = np.empty_like(order)
        self._place_of[order] = np.arange(len(order))
        self._places_of_pools: dict[int, tuple[_Indices, _Indices]] = {}

    def before(self, item: int, age: int, pool: _Indices | None = None) -> int:
        """The item that has come ``age`` items before another one; 0: that one itself.

        Before the first item comes the last one, as if such an epoch had gone before.

        Args:
            item: The item.
            age: Not negative; it may be more than there are items.
            pool: int64: the items that count beside the item itself; None: all.
        """
        if age == 0:
            return item
        place = int(self._place_of[item])
        if pool is None:
            return int(self._order[(place - age) % len(self._order)])
        places = self._places_of(pool)
        return int(self._order[places[(int(np.searchsorted(places, place)) - age) % len(places)]])

    def _places_of(self, pool: _Indices) -> _Indices:
        """The places of a pool's items, rising."""
        kept = self._places_of_pools.get(id(pool))
        if kept is None:
            # The pool itself is kept as well, so that its number stays its own.
            kept = self._places_of_pools[id(pool)] = (pool, np.sort(self._place_of[pool]))
        return kept[1]
