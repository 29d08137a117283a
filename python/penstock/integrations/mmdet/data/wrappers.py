"""MMDetection's dataset wrappers, as the one list of samples that a loader goes through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from mmdet.datasets import ClassBalancedDataset, ConcatDataset, MultiImageMixDataset, RepeatDataset

from penstock.dataset.joined import JoinedDataset
from penstock.detection.annotation_table import gathered_table
from penstock.detection.recipe import Level, Recipe
from penstock.detection.running import PipelineRunner
from penstock.detection.tensors import DetectionTensors
from penstock.errors import ConfigError, PenstockError
from penstock.integrations.mmdet.data.dataset import DeepLakeCocoDataset
from penstock.integrations.mmdet.data.load_image import LoadImageFromDeepLake
from penstock.integrations.mmdet.pipeline.lowering import WRAPPERS, lower
from penstock.loading.draws import Stream
from penstock.loading.native.part import AnnotationTable, NativeSample
from penstock.loading.program import Color

__all__ = ["FlatDataset", "flat_dataset", "leaves_of", "skipped_steps"]

_Indices = npt.NDArray[np.int64]
#: Groups are numbered in 8 bits, two of aspect ratio for each dataset.
_MOST_GROUPED_LEAVES = 128


def flat_dataset(dataset: Any) -> DeepLakeCocoDataset | FlatDataset:
    """A dataset as a loader goes through it: as it is, or flat where it is wrapped."""
    return dataset if isinstance(dataset, DeepLakeCocoDataset) else FlatDataset(dataset)


def leaves_of(dataset: Any) -> list[DeepLakeCocoDataset]:
    """The Deep Lake datasets in a tree of wrappers, from left to right."""
    if isinstance(dataset, DeepLakeCocoDataset):
        return [dataset]
    if isinstance(dataset, ConcatDataset):
        return [leaf for inner in dataset.datasets for leaf in leaves_of(inner)]
    if isinstance(dataset, (RepeatDataset, ClassBalancedDataset, MultiImageMixDataset)):
        return leaves_of(dataset.dataset)
    raise ConfigError(f"a dataset of the class '{type(dataset).__name__}' cannot be loaded here")


def skipped_steps(dataset: Any) -> tuple[tuple[str, ...], ...]:
    """The types of steps that each MultiImageMixDataset in a tree of wrappers leaves out now; hooks change them."""
    if isinstance(dataset, DeepLakeCocoDataset):
        return ()
    if isinstance(dataset, ConcatDataset):
        return tuple(keys for inner in dataset.datasets for keys in skipped_steps(inner))
    own = (tuple(dataset._skip_type_keys or ()),) if isinstance(dataset, MultiImageMixDataset) else ()
    return (*own, *skipped_steps(dataset.dataset))


class FlatDataset:
    """A tree of MMDetection's wrappers (RepeatDataset, ConcatDataset, ClassBalancedDataset, MultiImageMixDataset)
    around Deep Lake datasets, as a list of items in the order of the outermost.

    An item's number is the index of its sample, which random numbers follow from: repetitions of an image within an
    epoch draw other ones. A rejected item is replaced by one of its Deep Lake dataset and its aspect ratio, as
    MMDetection's datasets do. The steps of a MultiImageMixDataset are part of the pipeline: where one rejects a sample,
    which MMDetection tries again as often as ``max_refetch`` says, another item takes its place.

    Args:
        dataset: The outermost wrapper. What its MultiImageMixDatasets leave out is taken from them now.

    Attributes:
        leaves: The Deep Lake datasets.
        source: Their samples, item by item.
        tensors: Names of the tensors of ``source``.

    Raises:
        ConfigError: Datasets that cannot be loaded together.
    """

    def __init__(self, dataset: Any) -> None:
        self.leaves = leaves_of(dataset)
        self.test_mode = self.leaves[0].test_mode
        self._wrapper = dataset
        tree = _Tree()
        columns = tree.columns(dataset)
        self._leaf_of, self._item_of = columns["leaf"], columns["item"]
        self._recipes = [tree.recipe(number, leaf, columns) for number, leaf in enumerate(self.leaves)]
        self._mixes = tree.mixes_of[0]
        self._alike = tree.alike(self.leaves)
        self._check_alike()
        masks = [leaf.tensors.gt_masks for leaf in self.leaves if leaf.tensors.gt_masks is not None]
        names = {"img": [leaf.tensors.img for leaf in self.leaves]}
        if len(masks) == len(self.leaves):
            names["gt_masks"] = masks
        self.tensors = DetectionTensors(img="img", gt_masks="gt_masks" if "gt_masks" in names else None)
        self._rows = np.cumsum([0, *(len(leaf.indices) for leaf in self.leaves)])[self._leaf_of] + self._item_of
        indices = np.concatenate([leaf.indices for leaf in self.leaves])[self._rows]
        self.source = JoinedDataset([leaf.source for leaf in self.leaves], names, self._leaf_of, indices)
        self.runner = _NamingRunner(self, self._recipe_of, WRAPPERS)

    def __len__(self) -> int:
        return len(self._leaf_of)

    @property
    def indices(self) -> _Indices:
        """int64 [items]: which sample of ``source`` each item is: the one of its number."""
        return np.arange(len(self), dtype=np.int64)

    @property
    def flag(self) -> npt.NDArray[np.uint8]:
        """Group by aspect ratio of each item, as the outermost wrapper has it."""
        flags: npt.NDArray[np.uint8] = self._wrapper.flag
        return flags

    @cached_property
    def groups(self) -> npt.NDArray[np.uint8]:
        """As :attr:`flag`, with groups of their own for each leaf."""
        flags: npt.NDArray[np.uint8] = np.concatenate([leaf.flag for leaf in self.leaves])[self._rows]
        if len(self.leaves) > _MOST_GROUPED_LEAVES:
            return flags
        return (2 * self._leaf_of + flags).astype(np.uint8)

    @property
    def transforms(self) -> list[Any]:
        """MMDetection's transforms of the first leaf, and of those around it."""
        return [*self.leaves[0].pipeline.transforms, *(step for mix in self._mixes for step in _active(mix))]

    @property
    def recipe(self) -> Recipe:
        """The pipeline of the first leaf's items; of all, where :attr:`apart` has nothing to say."""
        return self._recipes[0]

    @property
    def apart(self) -> str:
        """Why items have not all one pipeline; "" where they have."""
        return "" if self._alike else "the datasets that are joined have pipelines of their own"

    @property
    def polygons(self) -> bool | None:
        """Whether masks are polygons; None where there are none that the native core could read."""
        kinds = {leaf.polygons for leaf in self.leaves}
        if self.tensors.gt_masks is None or self.source["gt_masks"].apart:
            return None
        return kinds.pop() if len(kinds) == 1 else None

    def item_of(self, index: int) -> int:
        """The item of an index: the same number."""
        return index

    def place_of(self, item: int) -> tuple[str, int]:
        """Path of the leaf's dataset, and the sample in there, for errors."""
        leaf, own = self._place(item)
        return leaf.place_of(own)

    def results_of(self, idx: int) -> dict[str, Any]:
        """What goes into the pipeline."""
        leaf, own = self._place(idx)
        return leaf.results_of(own)

    def read_image(self, idx: int, color: Color) -> npt.NDArray[Any]:
        """An item's image, uint8 [height, width, 3] or as ``color`` says."""
        leaf, own = self._place(idx)
        return leaf.read_image(own, color)

    def get_ann_info(self, idx: int) -> dict[str, Any]:
        """An item's annotations, as MMDetection has them."""
        leaf, own = self._place(idx)
        return leaf.get_ann_info(own)

    def names_of(self, index: int) -> dict[str, Any]:
        """What the pipeline notes of where an item comes from."""
        leaf, own = self._place(index)
        return leaf.names_of(int(leaf.indices[own]))

    def annotation_table(self) -> AnnotationTable:
        """The annotations of all items; those of each leaf are read once."""
        tables = [leaf.annotation_table() for leaf in self.leaves]
        flags = np.zeros(len(self), np.uint8) if self.test_mode else self.groups
        return gathered_table(tables, self._leaf_of, self._item_of, flags)

    def _check_alike(self) -> None:
        colors = {_load_of(leaf).color for leaf in self.leaves}
        if len(colors) > 1:
            raise ConfigError("the datasets that are joined load images in different colors: " + ", ".join(colors))
        if len({leaf.test_mode for leaf in self.leaves}) > 1:
            raise ConfigError("datasets of training and of validation are joined")

    def _recipe_of(self, item: int) -> Recipe:
        return self._recipes[int(self._leaf_of[item])]

    def _place(self, item: int) -> tuple[DeepLakeCocoDataset, int]:
        return self.leaves[int(self._leaf_of[item])], int(self._item_of[item])


class _NamingRunner(PipelineRunner):
    """Names in errors the sample in its own dataset."""

    def run(self, sample: dict[str, Any], stream: Stream) -> Any:
        with self._named(sample["index"]):
            return super().run(sample, stream)

    def resume(self, sample: NativeSample, notes: dict[str, Any], stream: Stream, number: int) -> Any:
        with self._named(int(sample.meta["index"])):
            return super().resume(sample, notes, stream, number)

    @contextmanager
    def _named(self, item: int) -> Iterator[None]:
        try:
            yield
        except PenstockError as error:
            if error.index is None:
                error.path, error.index = self._items.place_of(item)
            raise


@dataclass
class _Tree:
    """Goes through a tree of wrappers.

    Attributes:
        mixes_of: For each leaf the MultiImageMixDatasets around it, from the inside.
    """

    mixes_of: list[list[Any]] = field(default_factory=list)

    def columns(self, dataset: Any) -> dict[Any, _Indices]:
        """int64 [items] each: "leaf", its number; "item", which item of the leaf; and by the id of a
        MultiImageMixDataset which of its items, -1 for none.
        """
        if isinstance(dataset, DeepLakeCocoDataset):
            self.mixes_of.append([])
            number, length = len(self.mixes_of) - 1, len(dataset)
            return {"leaf": np.full(length, number), "item": np.arange(length)}
        if isinstance(dataset, ConcatDataset):
            return _one_after_the_other([self.columns(inner) for inner in dataset.datasets])
        first = len(self.mixes_of)
        inner = self.columns(dataset.dataset)
        if isinstance(dataset, RepeatDataset):
            return {key: np.tile(column, dataset.times) for key, column in inner.items()}
        if isinstance(dataset, ClassBalancedDataset):
            return {key: column[np.array(dataset.repeat_indices)] for key, column in inner.items()}
        for mixes_of in self.mixes_of[first:]:
            mixes_of.append(dataset)
        return {**inner, id(dataset): np.arange(len(dataset))}

    def recipe(self, number: int, leaf: DeepLakeCocoDataset, columns: dict[Any, _Indices]) -> Recipe:
        """The pipeline of a leaf's items, with the steps of the wrappers around it."""
        transforms = list(leaf.pipeline.transforms)
        levels = []
        own = leaf.recipe.levels
        if own:
            of_leaf = np.where(columns["leaf"] == number, columns["item"], -1)
            levels.append(Level(-1 - number, own[0].begin, _pool(of_leaf)))
        for mix in self.mixes_of[number]:
            levels.append(Level(id(mix), len(transforms), _pool(columns[id(mix)])))
            transforms += _active(mix)
        return Recipe(tuple(lower(transforms)), tuple(levels))

    def alike(self, leaves: Sequence[DeepLakeCocoDataset]) -> bool:
        """Whether all leaves have one pipeline."""
        own = [leaf for leaf in leaves if leaf.recipe.levels]
        return (
            all(leaf.configured == leaves[0].configured for leaf in leaves)
            and all(mixes == self.mixes_of[0] for mixes in self.mixes_of)
            and (len(leaves) == 1 or not own)
        )


def _pool(items: _Indices) -> _Indices | None:
    """Where, among all items, those are that a step chooses from, each equally likely; None where it is all of them.

    Args:
        items: int64 [items]: of each item of the outermost dataset, which of the dataset it chooses from; -1: none.
    """
    inside = np.flatnonzero(items >= 0)
    _, first, counts = np.unique(items[inside], return_index=True, return_counts=True)
    pool = inside if len(set(counts.tolist())) == 1 else inside[first]
    return None if len(pool) == len(items) else pool


def _one_after_the_other(parts: list[dict[Any, _Indices]]) -> dict[Any, _Indices]:
    keys = dict.fromkeys(key for part in parts for key in part)
    none = [np.full(len(part["leaf"]), -1) for part in parts]
    return {
        key: np.concatenate([part.get(key, missing) for part, missing in zip(parts, none, strict=True)]) for key in keys
    }


def _active(mix: Any) -> list[Any]:
    """The transforms of a MultiImageMixDataset that it does not leave out."""
    skipped = mix._skip_type_keys or ()
    return [step for step, kind in zip(mix.pipeline, mix.pipeline_types, strict=True) if kind not in skipped]


def _load_of(leaf: DeepLakeCocoDataset) -> LoadImageFromDeepLake:
    return next(step for step in leaf.pipeline.transforms if isinstance(step, LoadImageFromDeepLake))
