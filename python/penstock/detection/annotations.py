"""All annotations of a dataset, in a few flat arrays."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.dataset import Dataset
from penstock.detection.boxes import BoxFormat, exact_decimals
from penstock.detection.tensors import DetectionTensors
from penstock.errors import ConfigError, DatasetFormatError

__all__ = ["Annotations", "read_annotations"]

logger = logging.getLogger("penstock")


@dataclass(frozen=True)
class Annotations:
    """Boxes of all samples one after the other; those of sample ``i`` lie at ``offsets[i]:offsets[i + 1]``.

    About 50 bytes a box, where MMDetection's index of the same annotations takes about a thousand.

    Attributes:
        offsets: int64 [samples + 1].
        boxes: float64 [boxes, 4]: left, top, width, height in pixels.
        labels: int64 [boxes].
        crowds: bool [boxes].
        difficult: bool [boxes]: ignored by Pascal VOC's metrics.
        ignored: bool [boxes]: left out by MMDetection in training, and by its own recall.
        areas: float64 [boxes], in pixels: of the objects, or of their boxes where the dataset does not tell.
    """

    offsets: npt.NDArray[np.int64]
    boxes: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    crowds: npt.NDArray[np.bool_]
    difficult: npt.NDArray[np.bool_]
    ignored: npt.NDArray[np.bool_]
    areas: npt.NDArray[np.float64]

    def of(self, index: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """The annotations of a sample: (label, the fields that COCO's annotation has for it)."""
        for row in range(int(self.offsets[index]), int(self.offsets[index + 1])):
            yield (
                int(self.labels[row]),
                {
                    # COCO's evaluation takes the number 0 for "no annotation".
                    "id": row + 1,
                    "bbox": self.boxes[row].tolist(),
                    "area": float(self.areas[row]),
                    "iscrowd": int(self.crowds[row]),
                    **({"ignore": 1} if self.ignored[row] else {}),
                },
            )

    def samples_with(self, labels: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """bool [samples]: which have an annotation of a label for which ``labels`` [classes] is true."""
        wanted = np.concatenate(([0], np.cumsum(labels[self.labels])))
        return np.asarray(wanted[self.offsets[1:]] > wanted[self.offsets[:-1]])


def read_annotations(dataset: Dataset, tensors: DetectionTensors, sizes: npt.NDArray[np.int64]) -> Annotations:
    """Reads boxes, labels and what belongs to them, each chunk once. No image is read.

    Args:
        dataset: The dataset.
        tensors: Its tensors; ``gt_bboxes`` and ``gt_labels`` are there.
        sizes: Height and width of each image, int64 [samples, 2]. Annotations of samples beyond are left out.

    Raises:
        DatasetFormatError: Tensors that contradict each other, by sample.
        ConfigError: Boxes whose format is not declared and cannot be the default.
    """
    assert tensors.gt_bboxes is not None and tensors.gt_labels is not None
    columns = _Columns(dataset, tensors.gt_bboxes, len(sizes))
    counts = columns.counts
    labels = columns.read(tensors.gt_labels)
    box_format = BoxFormat.of(dataset[tensors.gt_bboxes])
    if not box_format.declared:
        _check_default_fits(columns.boxes, dataset, tensors.gt_bboxes)
    boxes = box_format.to_ltwh(columns.boxes, np.repeat(sizes[:, 0], counts), np.repeat(sizes[:, 1], counts))
    areas = boxes[:, 2] * boxes[:, 3] if tensors.area is None else exact_decimals(columns.read(tensors.area))
    return Annotations(
        offsets=np.concatenate(([0], np.cumsum(counts))),
        boxes=boxes,
        labels=labels.astype(np.int64),
        crowds=columns.flags(tensors.crowd),
        difficult=columns.flags(tensors.difficult),
        ignored=columns.flags(tensors.ignore),
        areas=areas,
    )


class _Columns:
    """Tensors with one value for each box."""

    def __init__(self, dataset: Dataset, boxes: str, samples: int) -> None:
        self._dataset = dataset
        self._samples = samples
        arrays = [_rows_of_four(array, dataset, boxes, i) for i, array in enumerate(self._arrays(boxes))]
        self.boxes = np.concatenate(arrays) if arrays else np.zeros((0, 4), np.float32)
        self.counts = np.array([len(array) for array in arrays], dtype=np.int64)

    def read(self, name: str) -> npt.NDArray[Any]:
        arrays = [array.reshape(-1) for array in self._arrays(name)]
        ended = len(arrays)
        # A tensor may end before the boxes do, where the samples beyond have none.
        arrays += [np.zeros(0, arrays[0].dtype if arrays else np.float64)] * (len(self.counts) - ended)
        for index, (array, count) in enumerate(zip(arrays, self.counts, strict=True)):
            if len(array) != count:
                why = f": the tensor has {ended} samples, the boxes {len(self.counts)}" if index >= ended else ""
                raise DatasetFormatError(
                    f"there are {len(array)} values for {count} boxes{why}",
                    tensor=name,
                    index=index,
                    path=self._dataset.path,
                )
        return np.concatenate(arrays) if arrays else np.zeros(0)

    def flags(self, name: str | None) -> npt.NDArray[np.bool_]:
        """Truth values; false where there is no such tensor."""
        return np.zeros(len(self.boxes), bool) if name is None else self.read(name).astype(bool)

    def _arrays(self, name: str) -> list[npt.NDArray[Any]]:
        return self._dataset[name].numpy_all()[: self._samples]


def _rows_of_four(array: npt.NDArray[Any], dataset: Dataset, name: str, index: int) -> npt.NDArray[Any]:
    if array.size and array.shape[-1] != 4:
        raise DatasetFormatError(
            f"boxes have four numbers, these have the shape {array.shape}",
            tensor=name,
            index=index,
            path=dataset.path,
        )
    return array.reshape(-1, 4)


def _check_default_fits(boxes: npt.NDArray[Any], dataset: Dataset, name: str) -> None:
    if len(boxes) and boxes.max() <= 1:
        raise ConfigError(
            "the boxes' format is not declared and no number exceeds 1, so that they cannot be pixels",
            tensor=name,
            path=dataset.path,
            hint="Declare it in Deep Lake: tensor.info.update(coords={'type': ..., 'mode': ...})",
        )
    logger.info("%s: boxes of undeclared format are taken as left, top, width, height in pixels", name)
