"""A dataset as a list of items, each a sample that goes through a pipeline: what a framework's dataset has to give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from penstock.dataset import Dataset
from penstock.detection.epoch_places import EpochOrder
from penstock.detection.recipe import Recipe
from penstock.detection.tensors import DetectionTensors
from penstock.loading.draws import Stream
from penstock.loading.native.part import AnnotationTable, NativeSample
from penstock.loading.program import Color

__all__ = ["Items", "LoadedItems", "Runner"]

Results = dict[str, Any]


class Items(Protocol):
    """What a runner needs of a dataset: a list of items, each a sample of ``source``."""

    @property
    def source(self) -> Dataset: ...

    @property
    def test_mode(self) -> bool: ...

    @property
    def groups(self) -> npt.NDArray[Any]:
        """The group of each item: another of its group takes the place of one that is rejected."""
        ...

    def __len__(self) -> int: ...

    def item_of(self, index: int) -> int:
        """The item that is sample ``index`` of ``source``."""
        ...

    def sample_of(self, item: int) -> int:
        """The sample of ``source`` that an item is."""
        ...

    def place_of(self, item: int) -> tuple[str, int]:
        """Path and index, for errors."""
        ...

    def results_of(self, idx: int) -> Results:
        """What goes into the pipeline."""
        ...

    def read_image(self, idx: int, color: Color) -> npt.NDArray[Any]:
        """The item's image, decoded."""
        ...

    def get_ann_info(self, idx: int) -> dict[str, Any]:
        """Its annotations, as MMDetection has them: "bboxes" and others."""
        ...


class Runner(Protocol):
    """Takes samples through their pipelines in Python; see :class:`~penstock.detection.running.PipelineRunner`."""

    def run(self, sample: dict[str, Any], stream: Stream) -> Any:
        """All steps."""
        ...

    @property
    def epoch_order(self) -> EpochOrder:
        """The order of the items in an epoch."""
        ...

    def ordered(self, order: EpochOrder) -> Runner:
        """The same, where epochs have another order."""
        ...

    def resume(self, sample: NativeSample, notes: dict[str, Any], stream: Stream, number: int) -> Any:
        """The steps from ``number`` on, of a sample that the core has brought there."""
        ...


class LoadedItems(Items, Protocol):
    """What a loader needs of a dataset, one or several that are joined."""

    @property
    def indices(self) -> npt.NDArray[np.int64]:
        """Which sample of ``source`` each item is, int64 [items]."""
        ...

    @property
    def flag(self) -> npt.NDArray[np.uint8]:
        """The group of each item by its aspect ratio: a batch is of one group. Not in testing."""
        ...

    @property
    def tensors(self) -> DetectionTensors:
        """The tensors of ``source``."""
        ...

    @property
    def transforms(self) -> Sequence[Any]:
        """The framework's own objects, one for each step of ``recipe``."""
        ...

    @property
    def recipe(self) -> Recipe:
        """The pipeline of all items."""
        ...

    @property
    def apart(self) -> str:
        """Why items have not all one pipeline; "" where they have."""
        ...

    @property
    def polygons(self) -> bool | None:
        """Whether masks are polygons; None where there are none that the native core could read."""
        ...

    @property
    def runner(self) -> Runner: ...

    def names_of(self, index: int) -> Mapping[str, Any]:
        """What the pipeline notes of where sample ``index`` of ``source`` comes from."""
        ...

    def annotation_table(self) -> AnnotationTable:
        """The annotations of all items; none in testing."""
        ...
