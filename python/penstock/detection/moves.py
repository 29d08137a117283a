"""Where a pipeline has moved what is in an image, from what it notes of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["Moves"]

_Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Moves:
    """Where Resize and RandomFlip have moved what is in an image.

    Attributes:
        scale: Along x, y, x and y.
        direction: Of the flip: "horizontal", "vertical", "diagonal"; None.
        height, width: Of the image that was flipped, in pixels.
    """

    scale: npt.NDArray[np.float64]
    direction: str | None
    height: int
    width: int

    @classmethod
    def of(cls, meta: Mapping[str, Any], shape: Sequence[int]) -> Moves:
        """From MMDetection's notes on a sample; ``shape`` is that of its image where they have none."""
        scale = np.broadcast_to(np.asarray(meta.get("scale_factor", 1.0), np.float64), (4,))
        direction = meta.get("flip_direction") if meta.get("flip") else None
        height, width = meta.get("img_shape", shape)[:2]
        return cls(scale, direction, int(height), int(width))

    def boxes(self, boxes: _Array) -> _Array:
        """Boxes (n, 4) of the image in the dataset, where they are now."""
        return self._flipped(boxes * self.scale)

    def boxes_back(self, boxes: _Array) -> _Array:
        """The reverse."""
        return self._flipped(np.asarray(boxes, np.float64)) / self.scale

    def masks(self, masks: npt.NDArray[np.bool_], shape: Sequence[int]) -> npt.NDArray[np.bool_]:
        """Masks (n, h, w) of the image in the dataset, where they are now, in the ``shape`` that it was padded to."""
        padded = np.zeros((len(masks), *shape), bool)
        for mask, place in zip(masks, padded, strict=True):
            place[: self.height, : self.width] = self._turned(_resized(mask, self.height, self.width))
        return padded

    def masks_back(self, masks: npt.NDArray[np.bool_], shape: Sequence[int]) -> npt.NDArray[np.bool_]:
        """The reverse; ``shape`` is that of the image in the dataset."""
        whole = [_resized(self._turned(mask[: self.height, : self.width]), *shape) for mask in masks]
        return np.stack(whole) if whole else np.zeros((0, *shape), bool)

    def _flipped(self, boxes: _Array) -> _Array:
        left, top, right, bottom = np.asarray(boxes, np.float64).reshape(-1, 4).T
        if self.direction in ("horizontal", "diagonal"):
            left, right = self.width - right, self.width - left
        if self.direction in ("vertical", "diagonal"):
            top, bottom = self.height - bottom, self.height - top
        return np.stack((left, top, right, bottom), axis=1)

    def _turned(self, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        if self.direction in ("horizontal", "diagonal"):
            mask = mask[:, ::-1]
        return mask[::-1] if self.direction in ("vertical", "diagonal") else mask


def _resized(mask: npt.NDArray[np.bool_], height: int, width: int) -> npt.NDArray[np.bool_]:
    resized = cv2.resize(mask.astype(np.uint8), (int(width), int(height)), interpolation=cv2.INTER_NEAREST)
    return np.asarray(resized, dtype=bool)
