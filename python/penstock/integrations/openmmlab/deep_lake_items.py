"""What the datasets of both MMDetections say of their items, which are samples of a Deep Lake dataset."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.dataset import Dataset
from penstock.detection.recipe import Recipe
from penstock.detection.source import Source
from penstock.detection.tensors import DetectionTensors
from penstock.loading.program import Color

__all__ = ["DeepLakeItems"]


class DeepLakeItems:
    """A part of these datasets' classes.

    Attributes:
        detection_source: The dataset, and what every detection framework needs to know of it.
        indices: int64 [len]: which sample of ``source`` each item is.
        apart: Why items have not all one pipeline: they have.
    """

    detection_source: Source
    indices: npt.NDArray[np.int64]
    apart = ""

    @property
    def recipe(self) -> Recipe:
        """The pipeline of each item."""
        raise NotImplementedError

    @property
    def source(self) -> Dataset:
        """The Deep Lake dataset."""
        return self.detection_source.dataset

    @property
    def tensors(self) -> DetectionTensors:
        """Its tensors."""
        return self.detection_source.tensors

    @property
    def polygons(self) -> bool | None:
        """Whether the masks are polygons; None where there are none that the native core could read."""
        return self.detection_source.polygons

    def item_of(self, index: int) -> int:
        """The item that is sample ``index`` of ``source``, which is one of them."""
        return int(np.searchsorted(self.indices, index))

    def sample_of(self, item: int) -> int:
        """The sample of ``source`` that an item is."""
        return int(self.indices[item])

    def place_of(self, item: int) -> tuple[str, int]:
        """Path of the dataset and the number of the item's sample in there, whatever the view, for errors."""
        return self.detection_source.place_of(self.sample_of(item))

    def read_image(self, idx: int, color: Color) -> npt.NDArray[Any]:
        """An item's image, uint8 [height, width, 3] or as ``color`` says."""
        return self.detection_source.read_image(self.sample_of(idx), color)

    def _recipe_of(self, item: int) -> Recipe:
        return self.recipe
