"""What is drawn of one sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Shown"]


@dataclass(frozen=True)
class Shown:
    """An image and what is annotated in it.

    Attributes:
        pixels: uint8 (h, w, 3), RGB.
        boxes: [n, 4]: left, top, right, bottom in pixels of the image.
        labels: Class names, one for each box.
        index: Which sample of the dataset.
        masks: bool [n, h, w], one for each box; None: there are none.
        ignored: Boxes [m, 4] that do not count.
        notes: What else ``--json`` says.
    """

    pixels: npt.NDArray[np.uint8]
    boxes: npt.NDArray[Any]
    labels: Sequence[str]
    index: int
    masks: npt.NDArray[np.bool_] | None = None
    ignored: npt.NDArray[Any] = field(default_factory=lambda: np.zeros((0, 4)))
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ltwh(self) -> npt.NDArray[np.float64]:
        """The boxes as left, top, width, height."""
        return _ltwh(self.boxes)

    @property
    def ignored_ltwh(self) -> npt.NDArray[np.float64]:
        return _ltwh(self.ignored)

    def described(self) -> dict[str, Any]:
        """All but the pixels, in plain values; masks by their areas in pixels."""
        height, width = self.pixels.shape[:2]
        return {
            "index": self.index,
            **self.notes,
            "height": height,
            "width": width,
            "boxes": self.boxes.tolist(),
            "labels": list(self.labels),
            "mask_areas": None if self.masks is None else self.masks.sum(axis=(1, 2)).tolist(),
            "ignored_boxes": self.ignored.tolist(),
        }


def _ltwh(boxes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    corners = np.asarray(boxes, np.float64).reshape(-1, 4)
    return np.concatenate((corners[:, :2], corners[:, 2:] - corners[:, :2]), axis=1)
