"""The images that a loader goes through: of one registered dataset, or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.dataset import Dataset
from penstock.dataset.joined import JoinedDataset
from penstock.detection.annotation_table import BoxRules, annotation_table, empty_table, gathered_table
from penstock.detection.dataset_dicts import DatasetDicts, rounded_corners
from penstock.detection.segmentations import are_polygons
from penstock.errors import ConfigError
from penstock.integrations.detectron2.catalog import registered
from penstock.integrations.detectron2.files import find_image
from penstock.loading.native.part import AnnotationTable

__all__ = ["Images"]

_Indices = npt.NDArray[np.int64]


class Images:
    """Images of registered datasets, in an order.

    Args:
        parts: The datasets.
        part_of: int64 [images]: which dataset each is of.
        index_of: int64 [images]: which sample of it it is.

    Attributes:
        parts, part_of, index_of: As given.
        source: What a loader reads: the dataset, or all of them as one.
        tensors: Names of its tensors by key: "img", and "gt_masks" where all datasets have masks of one kind.
        indices: int64 [images]: which sample of ``source`` each image is.

    Raises:
        ConfigError: No image, or datasets whose classes differ.
    """

    def __init__(self, parts: Sequence[DatasetDicts], part_of: _Indices, index_of: _Indices) -> None:
        for part in parts:
            if part.class_names != parts[0].class_names:
                raise ConfigError(f"the classes of '{part.root}' are not those of '{parts[0].root}'")
        if len(part_of) == 0:
            roots = ", ".join(f"'{part.root}'" for part in parts)
            raise ConfigError(
                f"no image is left to load of {roots}",
                hint="Images without an object are left out (DATALOADER.FILTER_EMPTY_ANNOTATIONS)",
            )
        self.parts = list(parts)
        self.part_of, self.index_of = part_of, index_of
        masks = [part.source.tensors.metric_masks for part in parts]
        kinds = {None if name is None else self._polygons(part, name) for part, name in zip(parts, masks, strict=True)}
        own: dict[str, list[str]] = {"img": [part.source.tensors.img for part in parts]}
        if len(kinds) == 1 and kinds != {None}:
            own["gt_masks"] = [name for name in masks if name is not None]
        self.polygons: bool | None = kinds.pop() if "gt_masks" in own else None
        self.source: Dataset
        if len(parts) == 1:
            self.source, self.indices = parts[0].source.dataset, index_of
            self.tensors = {key: name for key, (name,) in own.items()}
        else:
            self.source = JoinedDataset([part.source.dataset for part in parts], own, part_of, index_of)
            self.indices = np.arange(len(part_of), dtype=np.int64)
            self.tensors = {key: key for key in own}

    @classmethod
    def of_names(cls, names: Sequence[str], *, filter_empty: bool) -> Images:
        """The images of registered datasets, one after the other, each in the order of its dicts.

        Args:
            names: Of the datasets.
            filter_empty: Leave out images that have no annotation, or crowds alone.

        Raises:
            ConfigError: A dataset is not registered, or as above.
        """
        if not names:
            raise ConfigError("no dataset is named", hint="Name one in DATASETS")
        parts = [registered(name) for name in names]
        chosen = [part.order[part.with_objects[part.order]] if filter_empty else part.order for part in parts]
        part_of = np.repeat(np.arange(len(parts)), [len(own) for own in chosen])
        return cls(parts, part_of, np.concatenate(chosen))

    @classmethod
    def of_dicts(cls, dicts: Sequence[Mapping[str, Any]]) -> Images:
        """The images that some dicts of registered datasets are of.

        Raises:
            ConfigError: A dict of none of the datasets, or whose annotations are not the dataset's own.
        """
        parts: list[DatasetDicts] = []
        part_of, index_of = [], []
        for record in dicts:
            try:
                part, index = find_image(str(record.get("file_name")))
            except FileNotFoundError as error:
                raise ConfigError(f"{error}", hint="Register the dataset with register_deeplake") from None
            if "annotations" in record:
                _check_annotations(part, index, record)
            if part not in parts:
                parts.append(part)
            part_of.append(parts.index(part))
            index_of.append(index)
        return cls(parts, np.array(part_of, np.int64), np.array(index_of, np.int64))

    def __len__(self) -> int:
        return len(self.part_of)

    def place(self, item: int) -> tuple[DatasetDicts, int]:
        """The dataset of an image, and which of its samples it is."""
        return self.parts[int(self.part_of[item])], int(self.index_of[item])

    @cached_property
    def _item_of(self) -> dict[int, int]:
        return {index: item for item, index in enumerate(self.indices.tolist())}

    def at(self, index: int) -> tuple[DatasetDicts, int]:
        """The same of sample ``index`` of ``source``."""
        return self.place(self._item_of[index])

    @cached_property
    def groups(self) -> npt.NDArray[np.uint8]:
        """0 where an image is wider than high, else 1: uint8 [images]."""
        wide = [part.source.groups for part in self.parts]
        found = np.array([wide[part][index] for part, index in zip(self.part_of, self.index_of, strict=True)])
        return (1 - found).astype(np.uint8)

    @property
    def rounded_polygons(self) -> bool:
        """Whether the masks are polygons of float32, which were decimals before."""
        return self.polygons is True and self.source[self.tensors["gt_masks"]].dtype == np.float32

    def category_sets(self) -> tuple[_Indices, _Indices]:
        """Which image has an annotation of which class, crowds included: the image's place and the label of each pair,
        each once.
        """
        items, labels = [], []
        for item in range(len(self)):
            part, index = self.place(item)
            own = np.unique(part.labels[part.rows(index)])
            labels.append(own)
            items.append(np.full(len(own), item))
        return np.concatenate(items), np.concatenate(labels)

    def table(self, *, annotated: bool) -> AnnotationTable:
        """The annotations that training sees, for the core; of ``source``'s samples in their order."""
        order = np.argsort(self.indices, kind="stable")
        flags = self.groups[order]
        indices = self.indices[order]
        if not annotated:
            return empty_table(indices)
        if len(self.parts) == 1:
            return _table(self.parts[0], indices, flags)
        tables = [
            _table(part, np.arange(len(part.source), dtype=np.int64), part.source.groups) for part in self.parts
        ]
        return gathered_table(tables, self.part_of, self.index_of, flags)

    @staticmethod
    def _polygons(part: DatasetDicts, name: str) -> bool | None:
        return are_polygons(part.source.dataset[name])


def _table(part: DatasetDicts, indices: _Indices, flags: npt.NDArray[np.uint8]) -> AnnotationTable:
    none = np.zeros(len(part.labels), bool)
    rules = BoxRules(part.labels, part.objects, none)
    return annotation_table(part.source.annotations, indices, flags, rules, rounded_corners)


def _check_annotations(part: DatasetDicts, index: int, record: Mapping[str, Any]) -> None:
    own = part.source.annotations
    rows = part.rows(index).tolist()
    expected = [(own.boxes[row].tolist(), int(part.labels[row]), int(own.crowds[row])) for row in rows]
    given = [(list(one["bbox"]), one["category_id"], one.get("iscrowd", 0)) for one in record["annotations"]]
    if given == expected:
        return
    # Objects whose masks enclose nothing are in no dict.
    kept = [(one["bbox"], one["category_id"], one["iscrowd"]) for one in part.of(index)["annotations"]]
    if given != kept:
        raise ConfigError(
            f"the annotations of '{record['file_name']}' were changed, and are read from the dataset",
            hint="Change them in the dataset, or load with a mapper of your own",
        )
