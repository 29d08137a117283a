"""Which samples have which class, for all of a dataset."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from penstock.dataset import Tensor

__all__ = ["ClassIndex"]


class ClassIndex:
    """Reads all labels of a dataset when it is first asked.

    Args:
        labels: The tensor of labels.
        samples: How many samples there are.
    """

    def __init__(self, labels: Tensor, samples: int) -> None:
        self._tensor = labels
        self._samples = samples
        self._lock = threading.Lock()
        self._read: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None

    def samples_with(self, label: int | None) -> npt.NDArray[np.int64]:
        """The samples that have a label, in order; None: those that have none at all.

        Raises:
            PenstockError: What reading raises.
        """
        labels, samples = self._all()
        if label is None:
            return np.setdiff1d(np.arange(self._samples, dtype=np.int64), samples)
        found: npt.NDArray[np.int64] = np.unique(samples[labels == label])
        return found

    def counts(self) -> dict[int, tuple[int, int]]:
        """Of each label that there is: how many objects and how many samples have it."""
        labels, samples = self._all()
        objects = dict(zip(*(values.tolist() for values in np.unique(labels, return_counts=True)), strict=True))
        pairs = np.unique(np.stack((labels, samples), axis=1), axis=0)[:, 0]
        within = dict(zip(*(values.tolist() for values in np.unique(pairs, return_counts=True)), strict=True))
        return {label: (count, within[label]) for label, count in objects.items()}

    def _all(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Each label of the dataset and the sample that has it."""
        with self._lock:
            if self._read is None:
                values = [np.asarray(value).reshape(-1) for value in self._tensor.numpy_all()[: self._samples]]
                lengths = [len(value) for value in values]
                labels = np.concatenate(values).astype(np.int64) if values else np.zeros(0, np.int64)
                self._read = labels, np.repeat(np.arange(len(values), dtype=np.int64), lengths)
            return self._read
