"""The batch sampler of a loader, which others may share out."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

from torch.utils.data import BatchSampler

from penstock.loading.placed import Order
from penstock.loading.sampling import SharedSampler, world

__all__ = ["Batches", "own_share"]

_own_share = contextvars.ContextVar("penstock_own_share", default=False)


@contextlib.contextmanager
def own_share() -> Iterator[None]:
    """While it lasts, :class:`Batches` gives this rank's batches."""
    token = _own_share.set(True)
    try:
        yield
    finally:
        _own_share.reset(token)


class Batches(BatchSampler):
    """The batches of an epoch. Who shares it out has to be told apart.

    A loader of Penstock gets this rank's batches. Anybody else gets those of all ranks, with indices that know their
    place: Accelerate shares them out itself. The epoch is the sampler's; when all batches were drawn, the next one.

    Args:
        sampler, batch_size, drop_last: As torch's ``BatchSampler`` has them.
    """

    def __iter__(self) -> Iterator[list[int]]:
        sampler = self.sampler
        if not isinstance(sampler, SharedSampler) or self._gives_own_share(sampler):
            yield from super().__iter__()
            return
        epoch = sampler.epoch
        indices = Order(epoch, sampler.whole_order())
        batch: list[int] = []
        for index in indices:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch
        sampler.set_epoch(epoch + 1)

    def __len__(self) -> int:
        sampler = self.sampler
        if not isinstance(sampler, SharedSampler) or self._gives_own_share(sampler):
            return super().__len__()
        samples = sampler.whole_length
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)

    @staticmethod
    def _gives_own_share(sampler: SharedSampler) -> bool:
        if _own_share.get():
            return True
        # Who says what torch.distributed says has not shared out otherwise: frameworks still do, for those ranks.
        return sampler.shared_by_hand and (sampler.rank, sampler.num_replicas) != world(None, None)
