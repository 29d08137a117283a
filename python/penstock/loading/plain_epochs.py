"""The epochs of indices that know none: what a sampler that is not ours draws, for a loader that is not ours either."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch.utils.data

__all__ = ["PlainEpochs"]


class PlainEpochs:
    """Tells batches apart for their random numbers: a sample that comes again gets others."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begins anew: another epoch was selected."""
        self._visits: npt.NDArray[np.int64] | None = None
        self._batches = 0

    def of(self, indices: Sequence[int], samples: int, epoch: int) -> int:
        """The epoch of a batch.

        Args:
            indices: Its samples, each from 0 on.
            samples: How many there are.
            epoch: That of a sample that comes for the first time.
        """
        worker = torch.utils.data.get_worker_info()
        if worker is not None:
            # A worker does not see what others have loaded. torch draws a seed for each epoch, but not where workers
            # live on: so each batch has a number of its own.
            self._batches += 1
            return (worker.seed + self._batches * worker.num_workers) % 2**63
        if self._visits is None or len(self._visits) != samples:
            self._visits = np.zeros(samples, dtype=np.int64)
        again = int(self._visits[indices].max())
        self._visits[indices] = again + 1
        return epoch + again
