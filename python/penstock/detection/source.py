"""A Deep Lake dataset as detection frameworks see it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from penstock.dataset import Dataset
from penstock.detection.annotations import Annotations, read_annotations
from penstock.detection.categories import Categories, read_categories
from penstock.detection.image_names import file_names, image_numbers
from penstock.detection.segmentations import are_polygons, segmentations
from penstock.detection.tensors import DetectionTensors
from penstock.errors import ConfigError, DatasetFormatError
from penstock.loading.program import Color

__all__ = ["ImageRules", "Source"]


class ImageRules(NamedTuple):
    """Which images training leaves out.

    Attributes:
        filter_empty: Those without a box of the classes that are used; a crowd's counts.
        min_size: Those narrower or lower than so many pixels.
    """

    filter_empty: bool = True
    min_size: int = 32


class Source:
    """What every detection framework needs to know of a dataset, by sample: sizes, names, classes, annotations, masks.

    A framework's own dataset has a source, and adds what is the framework's: its interface, its pipeline, its metrics.
    A fact is read when it is first asked for, each chunk once. No image is decoded but by :meth:`read_image`.

    Args:
        dataset: The Deep Lake dataset.
        tensors: Its tensors.
        classes: Names of the classes to use; None: all. Where the dataset names no classes, these are their names, in
            the order of the labels.

    Attributes:
        dataset, tensors: As given.
        categories: All classes of the dataset; none where labels are not needed.
        classes: Names of the classes that are used, in the order given.

    Raises:
        ConfigError: A class that the dataset does not have, or no names of classes anywhere.
        DatasetFormatError: Numbers of classes that do not fit their names.
    """

    def __init__(self, dataset: Dataset, tensors: DetectionTensors, *, classes: Sequence[str] | None = None) -> None:
        self.dataset = dataset
        self.tensors = tensors
        self.categories = Categories((), ())
        if tensors.gt_labels is not None:
            self.categories = read_categories(dataset, tensors.gt_labels, classes)
        self.classes = tuple(classes or self.categories.names)
        self._used = self.categories.chosen(self.classes or None)

    def __len__(self) -> int:
        """How many samples have an image and, where they are needed, boxes and labels."""
        return len(self.sizes)

    @property
    def path(self) -> str:
        """Where the dataset is."""
        return self.dataset.path

    @cached_property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Height and width of each image, int64 [samples, 2]."""
        used = (self.tensors.img, self.tensors.gt_bboxes, self.tensors.gt_labels)
        length = min(len(self.dataset[name]) for name in used if name is not None)
        return self.dataset[self.tensors.img].shapes()[:length, :2]

    @cached_property
    def image_ids(self) -> list[int]:
        """The official number of each image.

        Raises:
            DatasetFormatError: An image without a number or with several, or two with the same.
        """
        return image_numbers(self.dataset, self.tensors.image_id, len(self))

    @cached_property
    def filenames(self) -> list[str]:
        """A name of a file for each image: its own, or one that is made of its number."""
        compression = self.dataset[self.tensors.img].sample_compression
        return file_names(self.dataset, self.tensors.filename, self.image_ids, compression)

    @cached_property
    def annotations(self) -> Annotations:
        """The annotations of all samples.

        Raises:
            ConfigError: Boxes and labels are not among the tensors.
            DatasetFormatError: Tensors that contradict each other, or a label without a class.
        """
        if self.tensors.gt_bboxes is None:
            raise ConfigError("this dataset was built without boxes and labels", path=self.path)
        annotations = read_annotations(self.dataset, self.tensors, self.sizes)
        self._check_labels(annotations)
        return annotations

    @property
    def groups(self) -> npt.NDArray[np.uint8]:
        """The group of each image by its aspect ratio, uint8 [samples]: 1 where it is wider than high, else 0."""
        return (self.sizes[:, 1] > self.sizes[:, 0]).astype(np.uint8)

    @property
    def polygons(self) -> bool | None:
        """Whether the masks that the pipeline loads are polygons; None where the native core could not read them, or
        there are none.
        """
        return None if self.tensors.gt_masks is None else are_polygons(self.dataset[self.tensors.gt_masks])

    @property
    def used_ids(self) -> list[int]:
        """Official numbers of the classes that are used, in the order of the dataset's classes."""
        return [number for number, use in zip(self.categories.ids, self._used, strict=True) if use]

    def kept(self, rules: ImageRules) -> npt.NDArray[np.int64]:
        """The samples that training keeps, int64, rising."""
        keep = self.sizes.min(axis=1) >= rules.min_size
        if rules.filter_empty:
            keep &= self.annotations.samples_with(self._used)
        return np.flatnonzero(keep)

    def training_labels(self, ids: Sequence[int]) -> npt.NDArray[np.int64]:
        """The label of each box in training, int64 [boxes]: the place of its class in ``ids``, -1 where it has none.

        Args:
            ids: Official numbers of the classes that are used, in the order of a framework's labels.
        """
        label_of = {number: label for label, number in enumerate(ids)}
        labels = np.array([label_of.get(number, -1) for number in self.categories.ids], dtype=np.int64)
        return labels[self.annotations.labels]

    def coco_images(self, indices: Iterable[int]) -> list[dict[str, Any]]:
        """Images as they stand in COCO's files: "id", "file_name", "height", "width"; with their numbers, "index"."""
        numbers, names, sizes = self.image_ids, self.filenames, self.sizes.tolist()
        return [
            {"id": numbers[index], "file_name": names[index], "height": height, "width": width, "index": index}
            for index in indices
            for height, width in [sizes[index]]
        ]

    def coco_annotations(self, index: int, masks: str | None = None) -> list[dict[str, Any]]:
        """The annotations of a sample as they stand in COCO's files: "id", "image_id", "category_id", "bbox", "area",
        "iscrowd", and "ignore" where it is set.

        Args:
            index: The sample.
            masks: The tensor of masks that "segmentation" is made of; None: there is no such key.
        """
        image, ids = self.image_ids[index], self.categories.ids
        rows = [
            {**fields, "image_id": image, "category_id": ids[label]} for label, fields in self.annotations.of(index)
        ]
        if masks is not None:
            for row, segmentation in zip(rows, self.segmentations(index, masks, len(rows)), strict=True):
                row["segmentation"] = segmentation
        return rows

    def segmentations(self, index: int, masks: str, count: int) -> list[Any]:
        """The masks of a sample's objects; see :func:`~penstock.detection.segmentations.segmentations`.

        Args:
            index: The sample.
            masks: The tensor of masks.
            count: How many objects the sample has.
        """
        height, width = self.sizes[index].tolist()
        return segmentations(self.dataset[masks], index, (height, width), count)

    def read_image(self, index: int, color: Color) -> npt.NDArray[Any]:
        """A sample's image, uint8 [height, width, 3] or as ``color`` says."""
        image: npt.NDArray[Any] = self.dataset[self.tensors.img].read(index, color=color)
        return image

    def place_of(self, index: int) -> tuple[str, int]:
        """Path of the dataset and the number of the sample in there, whatever the view, for errors."""
        rows = getattr(self.dataset[self.tensors.img], "rows", None)
        return self.path, index if rows is None else int(rows[index])

    def check_sizes(self) -> None:
        """Raises DatasetFormatError where an image has no pixels."""
        empty = np.flatnonzero(self.sizes.min(axis=1) == 0)
        if len(empty):
            raise DatasetFormatError("the image is empty", tensor=self.tensors.img, index=int(empty[0]), path=self.path)

    def check_outlines(self) -> None:
        """Raises ConfigError where a pipeline loads masks as polygons, and the dataset has none of these."""
        if self.tensors.gt_masks is None:
            return
        masks = self.dataset[self.tensors.gt_masks]
        if masks.value_format is None:
            raise ConfigError(
                f"the pipeline loads masks as polygons (poly2mask=False), and these have the htype '{masks.htype}'",
                tensor=masks.name,
                path=self.path,
                hint="Use poly2mask=True",
            )

    def check_masks_reach(self, indices: npt.NDArray[np.int64]) -> None:
        """Raises DatasetFormatError where one of some samples lies beyond the end of the masks: no loader could read
        it.
        """
        if self.tensors.gt_masks is None:
            return
        masks = self.dataset[self.tensors.gt_masks]
        beyond = indices[indices >= len(masks)]
        if len(beyond):
            raise DatasetFormatError(
                f"the image has no masks: their tensor has {len(masks)} samples, the images {len(self)}",
                tensor=masks.name,
                index=int(beyond[0]),
                path=self.path,
                hint="Append the missing samples, also the empty ones of images without boxes",
            )

    def _check_labels(self, annotations: Annotations) -> None:
        classes = len(self.categories.names)
        wrong = np.flatnonzero((annotations.labels < 0) | (annotations.labels >= classes))
        if len(wrong):
            sample = int(np.searchsorted(annotations.offsets, wrong[0], side="right")) - 1
            raise DatasetFormatError(
                f"the label {annotations.labels[wrong[0]]} has no class: there are {classes}",
                tensor=self.tensors.gt_labels,
                index=sample,
                path=self.path,
            )
