"""A loader's epochs, one after the other, for the iteration-based runner."""

from __future__ import annotations

from typing import Any

from mmcv.runner import IterLoader

__all__ = ["EndlessLoader"]


class EndlessLoader(IterLoader):  # type: ignore[misc]
    """mmcv's ``IterLoader`` without waiting.

    Args:
        dataloader: The loader.
        epoch: Its first epoch.
        batches: How many batches of it are done.
        positioned: Whether the loader is there already.

    Attributes:
        batches: How many batches of the epoch were given.
    """

    def __init__(self, dataloader: Any, epoch: int = 0, batches: int = 0, positioned: bool = False) -> None:
        self._dataloader = dataloader
        self._epoch = epoch
        self.batches = batches
        if not positioned:
            self._set_epoch()
        # Where an epoch's last batch is done, the next begins.
        self.iter_loader = iter(dataloader if batches < len(dataloader) else ())

    def __next__(self) -> Any:
        try:
            batch = next(self.iter_loader)
        except StopIteration:
            self._epoch += 1
            self.batches = 0
            self._set_epoch()
            self.iter_loader = iter(self._dataloader)
            batch = next(self.iter_loader)
        self.batches += 1
        return batch

    def _set_epoch(self) -> None:
        for holder in (self._dataloader, self._dataloader.sampler):
            if hasattr(holder, "set_epoch"):
                holder.set_epoch(self._epoch)
                return
