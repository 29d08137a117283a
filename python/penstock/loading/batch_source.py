"""Batches of the C++ core for loaders that are not ours: torch's own, over ``loader.dataset``.

Note [Reading ahead for others]: such a loader asks for one batch after the other. Where the indices know their place in
an epoch's order (:class:`~penstock.loading.placed.PlacedIndex`), the next batches can be told: this rank's batches lie
equally far apart. The core runs along that order, and a batch that comes otherwise begins it anew. Where indices know
nothing, the core loads each batch when it is asked for, with all its threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch.utils.data

from penstock.loading.engine import Engine
from penstock.loading.options import LoaderOptions
from penstock.loading.placed import Order, PlacedIndex
from penstock.loading.plan import EpochPlan, Segment, checked_index
from penstock.loading.samples import Samples
from penstock.locks import ForkLock

__all__ = ["CoreBatches", "LoadedBatch", "WholeBatches"]

_Indices = npt.NDArray[np.int64]
#: Seconds that closing waits for another thread, whose transform may never return.
_PATIENCE = 0.5


class LoadedBatch(Sequence[Any]):
    """The samples of a batch that is finished; see :meth:`Samples.__getitems__`.

    Attributes:
        batch: The batch.
    """

    def __init__(self, batch: Any, samples: Samples, keys: list[tuple[int, int]]) -> None:
        self.batch = batch
        self._samples = samples
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self._samples[key] for key in self._keys[place]]
        return self._samples[self._keys[place]]


@dataclass(frozen=True)
class WholeBatches:
    """The ``collate_fn`` of a loader: it takes what ``loader.dataset`` gives, and lets finished batches be.

    Attributes:
        collate: Makes a batch of single samples.
    """

    collate: Callable[[list[Any]], Any]

    def __call__(self, samples: Any) -> Any:
        """The batch."""
        return samples.batch if isinstance(samples, LoadedBatch) else self.collate(samples)


class _Ahead:
    """The core on its way along an order."""

    def __init__(self, order: Order, first: _Indices, step: int, engine: Engine) -> None:
        """Begins with the places ``first``, which follow each other; each batch lies ``step`` places after the one
        before."""
        length = len(order.indices)
        begins = np.arange(int(first[0]), length, step, dtype=np.int64)
        # The last batch may be smaller.
        ends = np.minimum(begins + len(first), length)
        own = np.zeros(length + 1, dtype=np.int64)
        own[begins] += 1
        np.subtract.at(own, ends, 1)
        indices = order.indices[np.cumsum(own)[:length] > 0]
        self.order = order
        self._spans = list(zip(begins.tolist(), ends.tolist(), strict=True))
        self._next = 0
        self._batches = engine.run(EpochPlan(order.epoch, indices, np.cumsum(ends - begins)))

    def next_if(self, order: Order | None, places: _Indices) -> tuple[Any] | None:
        """The next batch, if these are its places; else None."""
        if order is not self.order or self._next == len(self._spans):
            return None
        begin, end = self._spans[self._next]
        if len(places) != end - begin or places[0] != begin or places[-1] != end - 1:
            return None
        self._next += 1
        return (next(self._batches),)

    def close(self) -> None:
        """Ends the run."""
        self._batches.close()


class CoreBatches:
    """What :meth:`Samples.__getitems__` asks. Pickles without its core; each process starts its own.

    Args:
        options: Of the loader.
        make_engine: Makes what runs plans, of samples, options and a collate.
        whole: The core makes whole batches, or Python does of them; else single samples come out.
        world_size: How many ranks there are.
    """

    def __init__(
        self,
        options: LoaderOptions,
        make_engine: Callable[[Samples, LoaderOptions, Callable[[list[Any]], Any] | None], Engine],
        *,
        whole: bool,
        world_size: Callable[[], int],
    ) -> None:
        self._make_engine = make_engine
        self._options = replace(
            options, num_workers=0, persistent_workers=False, worker_init_fn=None, timeout=0, pin_memory=False
        )
        self._whole = whole
        self._world_size = world_size
        #: Who loads batches from several threads gets them one at a time: the core's threads are shared all the same.
        self._loading = ForkLock()
        self._forget()

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._engine: Engine | None = None
        self._ahead: _Ahead | None = None
        self._last: tuple[Order | None, int] = (None, 0)

    def load(self, samples: Samples, items: Sequence[int | tuple[int, int]]) -> Sequence[Any]:
        """As :class:`BatchSource` has it."""
        if not items:
            return []
        with self._loading:
            if self._pid != os.getpid():
                self._forget()
            keys = self._keys(samples, items)
            try:
                ready = self._next(samples, *_places(items))
            except BaseException:
                self._stop()  # the run is over
                raise
            (loaded,) = (self._at_once(samples, keys),) if ready is None else ready
        return LoadedBatch(loaded, samples, keys) if self._whole else cast(list[Any], loaded)

    def stats(self) -> dict[str, float]:
        """Of the core, as :meth:`NativeLoader.stats`; nothing before it was needed."""
        return {} if self._engine is None else self._engine.stats()

    def close(self) -> None:
        """Ends the core. Idempotent. A thread that waits for a batch gets an error, or ends what it runs by itself."""
        if self._engine is not None:
            self._engine.close()
        if self._loading.acquire(timeout=_PATIENCE):
            try:
                self._stop()
            finally:
                self._loading.release()

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_pid": 0, "_engine": None, "_ahead": None}

    def _next(self, samples: Samples, order: Order | None, places: _Indices) -> tuple[Any] | None:
        """The batch at these places of an order, where it can be told what follows; else None."""
        if order is None or (np.diff(places) != 1).any():
            return None  # unknown, or filled up from elsewhere
        last, self._last = self._last, (order, int(places[0]))
        ready = None if self._ahead is None else self._ahead.next_if(order, places)
        if ready is not None:
            return ready
        self._stop()
        step = int(places[0]) - last[1] if last[0] is order else len(places) * self._world_size()
        if step < len(places):
            return None
        self._ahead = _Ahead(order, places, step, self._core(samples))
        return self._ahead.next_if(order, places)

    def _stop(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.close()

    def _keys(self, samples: Samples, items: Sequence[int | tuple[int, int]]) -> list[tuple[int, int]]:
        """(epoch, index) of each."""
        count = len(samples)
        known = [item if isinstance(item, tuple) else (getattr(item, "epoch", None), item) for item in items]
        indices = [checked_index(index, count) for _, index in known]
        if all(epoch is not None for epoch, _ in known):
            return [(int(epoch or 0), index) for (epoch, _), index in zip(known, indices, strict=True)]
        epoch = samples.epoch_of_plain(indices)
        return [(epoch, index) for index in indices]

    def _at_once(self, samples: Samples, keys: list[tuple[int, int]]) -> Any:
        epoch = keys[0][0]
        if any(own != epoch for own, _ in keys):
            loaded = [samples[key] for key in keys]
            return samples.collate(loaded) if self._whole else loaded
        batches = self._core(samples).run(EpochPlan(epoch, *Segment.of([[index for _, index in keys]])))
        try:
            return next(batches)
        finally:
            batches.close()

    def _core(self, samples: Samples) -> Engine:
        if self._engine is None:
            options = self._options
            worker = torch.utils.data.get_worker_info()
            if worker is not None:
                options = replace(options, num_threads=max(1, options.num_threads // worker.num_workers))
            # Of a copy: these samples hold what holds the engine.
            self._engine = self._make_engine(samples.copy(), options, None if self._whole else list)
        return self._engine


def _places(items: Sequence[Any]) -> tuple[Order | None, _Indices]:
    """The order that all indices were drawn from, and their places in it; None where they are not of one order."""
    order = items[0].order if isinstance(items[0], PlacedIndex) else None
    if order is None or any(not isinstance(item, PlacedIndex) or item.order is not order for item in items):
        return None, np.empty(0, np.int64)
    return order, np.array([item.position for item in items], dtype=np.int64)
