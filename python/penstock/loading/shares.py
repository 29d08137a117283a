"""Orders that ranks have shares of, where an epoch goes on with other ranks than it began with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from penstock.loading.stages import Stages

__all__ = ["shared_order"]

_Indices = npt.NDArray[np.int64]


def shared_order(
    of_rank: Callable[[int, int], _Indices],
    world: tuple[int, int],
    done: Stages,
    *,
    drop_last: bool = False,
    step: int = 1,
) -> _Indices:
    """The samples that a rank has still to take, of an order in which each rank has a part of its own.

    As long as the world size stays, a rank goes on with its own part. Else what the ranks of before have left is put
    together, rank after rank, each sample once and none that was taken, and cut into a span for each rank of now.

    Args:
        of_rank: Gives the part of a rank, by rank and world size: int64, equally long for all ranks.
        world: This rank and the world size.
        done: What has been taken.
        drop_last: The spans leave out what does not divide by the world size; else the last ones are filled up from
            the start of what was left.
        step: Samples that stay together, one batch; what is left divides by it.
    """
    rank, world_size = world
    if not done:
        return of_rank(rank, world_size)
    first, *later = done
    if not later and first.world_size == world_size:
        return of_rank(rank, world_size)[first.each :]
    parts = [of_rank(number, first.world_size) for number in range(first.world_size)]
    rest = _left([part[: first.each] for part in parts], [part[first.each :] for part in parts], step)
    for stage in later:
        spans = [_span(rest, number, stage.world_size, drop_last, step) for number in range(stage.world_size)]
        if stage is later[-1] and stage.world_size == world_size:
            return spans[rank][stage.each :]
        rest = _left([span[: stage.each] for span in spans], [span[stage.each :] for span in spans], step)
    return _span(rest, rank, world_size, drop_last, step)


def _left(taken: list[_Indices], others: list[_Indices], step: int) -> _Indices:
    """The others, each once, without those that were taken; with ``step``, whole batches with a sample that is new."""
    rest = np.concatenate(others)
    seen = np.unique(np.concatenate(taken))
    first = np.zeros(len(rest), dtype=bool)
    first[np.unique(rest, return_index=True)[1]] = True
    batches = (first & ~np.isin(rest, seen)).reshape(-1, step).any(axis=1)
    kept: _Indices = rest.reshape(-1, step)[batches].reshape(-1)
    return kept


def _span(rest: _Indices, rank: int, world_size: int, drop_last: bool, step: int) -> _Indices:
    batches = rest.reshape(-1, step)
    each = len(batches) // world_size if drop_last else -(-len(batches) // world_size)
    places = np.arange(rank * each, (rank + 1) * each)
    span: _Indices = batches[places % max(len(batches), 1)].reshape(-1) if len(batches) else rest
    return span
