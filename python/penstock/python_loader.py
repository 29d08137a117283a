"""The pure-Python loader behind :class:`penstock.DataLoader`: torch's own, over :class:`penstock.samples.Samples`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch.utils.data

from penstock.dataset.lake4 import prepare_for_fork
from penstock.options import LoaderOptions
from penstock.plan import EpochPlan
from penstock.samples import Samples

__all__ = ["PythonLoader"]


class _PlannedBatches(torch.utils.data.Sampler[list[tuple[int, int]]]):
    """The batch sampler of a torch loader that outlives single epochs: it follows the plan that is set."""

    def __init__(self) -> None:
        self.plan = EpochPlan.of_batches(0, [], 0, 0)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        return self.plan.keys()

    def __len__(self) -> int:
        return len(self.plan) - self.plan.first


class PythonLoader:
    """Runs plans on a ``torch.utils.data.DataLoader``."""

    def __init__(
        self, samples: Samples, options: LoaderOptions, collate: Callable[[list[Any]], Any] | None
    ) -> None:
        self._batches = _PlannedBatches()
        self._counts = {"samples": 0.0, "batches": 0.0, "wait_seconds": 0.0}
        workers = options.num_workers > 0
        self._inner: torch.utils.data.DataLoader[Any] = torch.utils.data.DataLoader(
            samples,
            batch_sampler=self._batches,
            collate_fn=collate or samples.collate,
            num_workers=options.num_workers,
            prefetch_factor=options.prefetch_factor if workers else None,
            persistent_workers=options.persistent_workers and workers,
            pin_memory=options.pin_memory,
            timeout=options.timeout,
            worker_init_fn=options.worker_init_fn,
            multiprocessing_context=options.multiprocessing_context if workers else None,
            # Workers' own seeds come from here: torch's global generator stays where the user left it.
            generator=torch.Generator(),
        )

    def run(self, plan: EpochPlan) -> Iterator[Any]:
        """Yields the plan's batches in order."""
        self._batches.plan = plan
        if self._inner.num_workers:
            prepare_for_fork()
        batches = iter(self._inner)
        for indices in plan.batches():
            start = time.perf_counter()
            batch = next(batches)
            self._counts["wait_seconds"] += time.perf_counter() - start
            self._counts["samples"] += len(indices)
            self._counts["batches"] += 1
            yield batch

    def stats(self) -> dict[str, float]:
        """Counters since the start; see :meth:`penstock.DataLoader.stats`."""
        return dict(self._counts)

    def close(self) -> None:
        """Nothing is kept between epochs that would need an end."""
