"""The samples of a dataset as they are stored, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.dataset import Dataset, Tensor
from penstock.dataset.names import IMAGE_HTYPES
from penstock.detection.boxes import BoxFormat
from penstock.detection.shown import Shown
from penstock.errors import ConfigError
from penstock.view.drawing import filled_polygons

__all__ = ["StoredSamples"]

#: What is drawn of an image without pixels: height and width.
_EMPTY = (160, 320)


@dataclass(frozen=True)
class StoredSamples:
    """The tensors of a dataset that are looked at.

    Attributes:
        images: Images.
        boxes: Boxes; None where there are none.
        labels: A class for each box, or for each image where there are no boxes; None as above.
        masks: A mask for each box, polygons or arrays; None as above.
    """

    images: Tensor
    boxes: Tensor | None = None
    labels: Tensor | None = None
    masks: Tensor | None = None

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        images: str | None = None,
        boxes: str | None = None,
        labels: str | None = None,
        *,
        masks: bool = False,
    ) -> StoredSamples:
        """The tensors of these names; those not named are found by their htype.

        Args:
            dataset: The dataset.
            images, boxes, labels: Names of tensors.
            masks: Whether masks are looked for: where there are several tensors of masks, there are none.

        Raises:
            ConfigError: No tensor of images, several that could be meant, or a named one that is something else.
            TensorNotFoundError: A name that the dataset does not have.
            UnsupportedError: The images cannot be read.
        """
        found = _tensor(dataset, images, set(IMAGE_HTYPES))
        if found is None:
            raise ConfigError("there is no tensor of images", path=dataset.path)
        found.check_supported()
        outlines = _candidates(dataset, {"polygon", "binary_mask"}) if masks else []
        return cls(
            found,
            _tensor(dataset, boxes, {"bbox"}),
            _tensor(dataset, labels, {"class_label"}),
            outlines[0] if len(outlines) == 1 else None,
        )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, by label; none where the dataset has no names."""
        return [] if self.labels is None else self.labels.class_names or []

    def shown(self, index: int, *, masks: bool = False) -> Shown:
        """A sample to be drawn, with masks if they are wanted and there are any.

        Raises:
            PenstockError: What reading raises.
        """
        pixels = self.images.read(index, "rgb")
        if 0 in pixels.shape:
            pixels = np.zeros((*_EMPTY, 3), np.uint8)
        ltwh = self.ltwh(index, (int(pixels.shape[0]), int(pixels.shape[1])))
        corners = np.concatenate((ltwh[:, :2], ltwh[:, :2] + ltwh[:, 2:]), axis=1)
        bitmaps = self._bitmaps(index, (int(pixels.shape[0]), int(pixels.shape[1]))) if masks else None
        return Shown(pixels, corners, self.box_names(index, len(ltwh)), index=index, masks=bitmaps)

    def ltwh(self, index: int, size: tuple[int, int]) -> npt.NDArray[np.float64]:
        """A sample's boxes [n, 4]: left, top, width, height in pixels of an image of a height and width."""
        if self.boxes is None or index >= len(self.boxes):
            return np.zeros((0, 4))
        return BoxFormat.of(self.boxes).to_ltwh(self.boxes[index].reshape(-1, 4), *size)

    def label_numbers(self, index: int) -> list[int]:
        """A sample's labels, one for each box or, without boxes, those of the image."""
        if self.labels is None or index >= len(self.labels):
            return []
        return [int(number) for number in np.asarray(self.labels[index]).reshape(-1)]

    def label_name(self, number: int) -> str:
        """The name of a class; its number where it has none."""
        names = self.class_names
        return names[number] if 0 <= number < len(names) else str(number)

    def box_names(self, index: int, count: int) -> list[str]:
        """The names of the classes of ``count`` boxes; empty where a box has none."""
        texts = [self.label_name(number) for number in self.label_numbers(index)]
        return (texts + [""] * count)[:count]

    def mask_values(self, index: int) -> Any:
        """A sample's masks: a list of polygons [points, 2], or bool (h, w, n); None where there are none."""
        if self.masks is None or index >= len(self.masks):
            return None
        value = self.masks.read(index)
        if isinstance(value, list):
            return [np.asarray(polygon, np.float64).reshape(-1, 2) for polygon in value]
        array = np.asarray(value)
        return (array[..., np.newaxis] if array.ndim == 2 else array) != 0

    def _bitmaps(self, index: int, size: tuple[int, int]) -> npt.NDArray[np.bool_] | None:
        """The masks' pixels, bool [n, h, w]; None where there are none, or masks of another size."""
        value = self.mask_values(index)
        if value is None:
            return None
        if isinstance(value, list):
            return filled_polygons(value, size)
        return np.moveaxis(value, -1, 0) if value.shape[:2] == size else None


def _tensor(dataset: Dataset, name: str | None, htypes: set[str]) -> Tensor | None:
    if name is not None:
        tensor = dataset[name]
        if tensor.is_image != ("image" in htypes):
            what = "images" if "image" in htypes else "boxes or labels"
            raise ConfigError(f"these are no {what}: the htype is '{tensor.htype}'", tensor=name, path=dataset.path)
        return tensor
    found = _candidates(dataset, htypes)
    if len(found) > 1:
        names = ", ".join(f"'{tensor.name}'" for tensor in found)
        raise ConfigError(f"several tensors could be meant: {names}", path=dataset.path, hint="Name one")
    return found[0] if found else None


def _candidates(dataset: Dataset, htypes: set[str]) -> Sequence[Tensor]:
    return [
        tensor
        for tensor in dataset.tensors.values()
        if tensor.base_htype in htypes and not tensor.is_sequence and not tensor.unsupported()
    ]
