"""Dataset wrappers of MMDetection 2 or 3, as the one list of samples that a loader goes through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.dataset.joined import JoinedDataset
from penstock.detection.annotation_table import gathered_table
from penstock.detection.recipe import Level, Recipe
from penstock.detection.reference import Wrappers
from penstock.detection.running import PipelineRunner
from penstock.detection.tensors import DetectionTensors
from penstock.errors import ConfigError, PenstockError
from penstock.loading.draws import Stream
from penstock.loading.native.part import AnnotationTable, NativeSample
from penstock.loading.program import Color

__all__ = ["FlatDataset", "Kinds"]

_Indices = npt.NDArray[np.int64]
#: Groups are numbered in 8 bits, two of aspect ratio for each dataset.
_MOST_GROUPED_LEAVES = 128


@dataclass(frozen=True)
class Kinds:
    """What a framework's trees of datasets are made of.

    Attributes:
        leaf: The class of Deep Lake's datasets.
        concat, repeat, balanced, mix: Those of the wrappers; each may have several.
        load: The class of the transform that loads images, whose ``color`` says how.
        lower: Makes steps of transforms, one of each.
        wrappers: What the steps make the framework's objects with.
    """

    leaf: type[Any]
    concat: tuple[type[Any], ...]
    repeat: tuple[type[Any], ...]
    balanced: tuple[type[Any], ...]
    mix: tuple[type[Any], ...]
    load: type[Any]
    lower: Callable[[Sequence[Any]], list[Any]]
    wrappers: Wrappers

    def flat(self, dataset: Any) -> Any:
        """A dataset as a loader goes through it: as it is, or flat where it is wrapped, or has samples in another order
        than the dataset, or several times.
        """
        plain = isinstance(dataset, self.leaf) and bool((np.diff(dataset.indices) > 0).all())
        return dataset if plain else FlatDataset(dataset, self)

    def leaves(self, dataset: Any) -> list[Any]:
        """The Deep Lake datasets in a tree of wrappers, from left to right.

        Raises:
            ConfigError: There is another dataset in it.
        """
        if isinstance(dataset, self.leaf):
            return [dataset]
        if isinstance(dataset, self.concat):
            return [leaf for inner in dataset.datasets for leaf in self.leaves(inner)]
        if isinstance(dataset, self.repeat + self.balanced + self.mix):
            return self.leaves(dataset.dataset)
        raise ConfigError(f"a dataset of the class '{type(dataset).__name__}' cannot be loaded here")

    def skipped_steps(self, dataset: Any) -> tuple[tuple[str, ...], ...]:
        """The types of steps that each MultiImageMixDataset in a tree leaves out now; hooks change them."""
        if isinstance(dataset, self.leaf):
            return ()
        if isinstance(dataset, self.concat):
            inner_ones = dataset.datasets
            return tuple(keys for inner in inner_ones for keys in self.skipped_steps(inner))
        own = (tuple(dataset._skip_type_keys or ()),) if isinstance(dataset, self.mix) else ()
        return (*own, *self.skipped_steps(dataset.dataset))


class FlatDataset:
    """A tree of MMDetection's wrappers (RepeatDataset, ConcatDataset, ClassBalancedDataset, MultiImageMixDataset)
    around Deep Lake datasets, as a list of items in the order of the outermost.

    An item's number is the index of its sample, which random numbers follow from: repetitions of an image within an
    epoch draw other ones. A rejected item is replaced by one of its Deep Lake dataset and its group, as
    MMDetection's datasets do. The steps of a MultiImageMixDataset are part of the pipeline: where one rejects a sample,
    which MMDetection tries again as often as ``max_refetch`` says, another item takes its place.

    Args:
        dataset: The outermost wrapper. What its MultiImageMixDatasets leave out is taken from them now.
        kinds: The framework's classes.

    Attributes:
        leaves: The Deep Lake datasets.
        source: Their samples, item by item.
        tensors: Names of the tensors of ``source``.

    Raises:
        ConfigError: Datasets that cannot be loaded together.
    """

    def __init__(self, dataset: Any, kinds: Kinds) -> None:
        self.leaves = kinds.leaves(dataset)
        self.test_mode = self.leaves[0].test_mode
        self._kinds = kinds
        tree = _Tree(kinds)
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
        self.runner = _NamingRunner(self, self._recipe_of, kinds.wrappers)

    def __len__(self) -> int:
        return len(self._leaf_of)

    @property
    def indices(self) -> _Indices:
        """int64 [items]: which sample of ``source`` each item is: the one of its number."""
        return np.arange(len(self), dtype=np.int64)

    @property
    def flag(self) -> npt.NDArray[np.uint8]:
        """Group by aspect ratio of each item."""
        flags: npt.NDArray[np.uint8] = np.concatenate([leaf.flag for leaf in self.leaves])[self._rows]
        return flags

    @cached_property
    def groups(self) -> npt.NDArray[np.uint8]:
        """The groups that the leaves have, of each leaf by themselves."""
        flags: npt.NDArray[np.uint8] = np.concatenate([leaf.groups for leaf in self.leaves])[self._rows]
        if len(self.leaves) > _MOST_GROUPED_LEAVES:
            return flags
        return (2 * self._leaf_of + flags).astype(np.uint8)

    @property
    def transforms(self) -> list[Any]:
        """The framework's transforms of the first leaf, and of those around it."""
        return [*self.leaves[0].transforms, *(step for mix in self._mixes for step in _active(mix))]

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

    def sample_of(self, item: int) -> int:
        """The sample that an item is: the one of its number."""
        return item

    def place_of(self, item: int) -> tuple[str, int]:
        """Path of the leaf's dataset, and the sample in there, for errors."""
        leaf, own = self._place(item)
        found: tuple[str, int] = leaf.place_of(own)
        return found

    def results_of(self, idx: int) -> dict[str, Any]:
        """What goes into the pipeline."""
        leaf, own = self._place(idx)
        found: dict[str, Any] = leaf.results_of(own)
        return found

    def read_image(self, idx: int, color: Color) -> npt.NDArray[Any]:
        """An item's image, uint8 [height, width, 3] or as ``color`` says."""
        leaf, own = self._place(idx)
        found: npt.NDArray[Any] = leaf.read_image(own, color)
        return found

    def get_ann_info(self, idx: int) -> dict[str, Any]:
        """An item's annotations, as MMDetection has them."""
        leaf, own = self._place(idx)
        found: dict[str, Any] = leaf.get_ann_info(own)
        return found

    def names_of(self, index: int) -> dict[str, Any]:
        """What the pipeline notes of where an item comes from."""
        leaf, own = self._place(index)
        found: dict[str, Any] = leaf.names_of(int(leaf.indices[own]))
        return found

    def annotation_table(self) -> AnnotationTable:
        """The annotations of all items; those of each leaf are read once."""
        tables = [leaf.annotation_table() for leaf in self.leaves]
        flags = np.zeros(len(self), np.uint8) if self.test_mode else self.groups
        return gathered_table(tables, self._leaf_of, self._item_of, flags)

    def _check_alike(self) -> None:
        colors = {_color_of(leaf, self._kinds.load) for leaf in self.leaves}
        if len(colors) > 1:
            raise ConfigError("the datasets that are joined load images in different colors: " + ", ".join(colors))
        if len({leaf.test_mode for leaf in self.leaves}) > 1:
            raise ConfigError("datasets of training and of validation are joined")

    def _recipe_of(self, item: int) -> Recipe:
        return self._recipes[int(self._leaf_of[item])]

    def _place(self, item: int) -> tuple[Any, int]:
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
        kinds: The framework's classes.
        mixes_of: For each leaf the MultiImageMixDatasets around it, from the inside.
    """

    kinds: Kinds
    mixes_of: list[list[Any]] = field(default_factory=list)

    def columns(self, dataset: Any) -> dict[Any, _Indices]:
        """int64 [items] each: "leaf", its number; "item", which item of the leaf; and by the id of a
        MultiImageMixDataset which of its items, -1 for none.
        """
        if isinstance(dataset, self.kinds.leaf):
            self.mixes_of.append([])
            number, length = len(self.mixes_of) - 1, len(dataset)
            return {"leaf": np.full(length, number), "item": np.arange(length)}
        if isinstance(dataset, self.kinds.concat):
            return _one_after_the_other([self.columns(inner) for inner in dataset.datasets])
        first = len(self.mixes_of)
        inner = self.columns(dataset.dataset)
        if isinstance(dataset, self.kinds.repeat):
            return {key: np.tile(column, dataset.times) for key, column in inner.items()}
        if isinstance(dataset, self.kinds.balanced):
            return {key: column[np.array(dataset.repeat_indices)] for key, column in inner.items()}
        for mixes_of in self.mixes_of[first:]:
            mixes_of.append(dataset)
        return {**inner, id(dataset): np.arange(len(dataset))}

    def recipe(self, number: int, leaf: Any, columns: dict[Any, _Indices]) -> Recipe:
        """The pipeline of a leaf's items, with the steps of the wrappers around it."""
        transforms = list(leaf.transforms)
        levels = []
        own = leaf.recipe.levels
        if own:
            of_leaf = np.where(columns["leaf"] == number, columns["item"], -1)
            levels += [Level((number, level.key), level.begin, _pool(of_leaf)) for level in own]
        for mix in self.mixes_of[number]:
            levels.append(Level(id(mix), len(transforms), _pool(columns[id(mix)])))
            transforms += _active(mix)
        return Recipe(tuple(self.kinds.lower(transforms)), tuple(levels))

    def alike(self, leaves: Sequence[Any]) -> bool:
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


def _color_of(leaf: Any, load: type[Any]) -> Color:
    color: Color = next(step.color for step in leaf.transforms if isinstance(step, load))
    return color
