"""The classes of a dataset: names, and the numbers that COCO's files give them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penstock.checks import did_you_mean
from penstock.dataset import Dataset
from penstock.errors import ConfigError, DatasetFormatError

__all__ = ["Categories", "numbers_for_names", "read_categories"]

logger = logging.getLogger("penstock")

#: Under this name an ingest may record the official numbers of the classes, in the labels' info or the
#: dataset's.
_INFO_KEY = "category_ids"


@dataclass(frozen=True)
class Categories:
    """Classes by label, which is the position in both tuples.

    Attributes:
        names: Their names.
        ids: Their official numbers; 1 to n where the dataset records none.
    """

    names: tuple[str, ...]
    ids: tuple[int, ...]

    def chosen(self, classes: Sequence[str] | None) -> npt.NDArray[np.bool_]:
        """bool [classes]: which are to be used. Raises ConfigError for a name that is not there."""
        if classes is None:
            return np.ones(len(self.names), dtype=bool)
        for name in classes:
            if name not in self.names:
                raise ConfigError(f"classes: there is no class '{name}'", hint=did_you_mean(name, self.names))
        return np.array([name in classes for name in self.names], dtype=bool)


def read_categories(dataset: Dataset, labels: str, classes: Sequence[str] | None) -> Categories:
    """The classes of the tensor ``labels``; where it names none, ``classes`` are their names in order.

    Raises:
        ConfigError: No names anywhere.
        DatasetFormatError: Official numbers that do not fit the names.
    """
    tensor = dataset[labels]
    names = tensor.class_names or classes
    if not names:
        raise ConfigError(
            "the tensor does not name its classes",
            tensor=labels,
            path=dataset.path,
            hint="Name them in the configuration, in the order of the labels: classes=(...)",
        )
    ids = tensor.info.get(_INFO_KEY, dataset.info.get(_INFO_KEY))
    if ids is None:
        ids = range(1, len(names) + 1)
    elif not _fits(ids, len(names)):
        raise DatasetFormatError(
            f"the info's '{_INFO_KEY}' must be {len(names)} different integers, one for each class name",
            tensor=labels,
            path=dataset.path,
        )
    return Categories(tuple(names), tuple(ids))


def numbers_for_names(dataset: Dataset, labels: str | None) -> list[str] | None:
    """Names for the classes of a tensor that names none: a pipeline needs no better ones."""
    if labels is None or dataset[labels].class_names:
        return None
    classes = 1 + max((int(array.max()) for array in dataset[labels].numpy_all() if array.size), default=0)
    return [str(label) for label in range(classes)]


def _fits(ids: object, count: int) -> bool:
    return (
        isinstance(ids, list) and all(isinstance(number, int) for number in ids) and len(set(ids)) == count == len(ids)
    )
