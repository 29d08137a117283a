"""The transform that stands where MMDetection loads an image from a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from mmcv.transforms import LoadImageFromFile

from penstock.checks import did_you_mean
from penstock.errors import ConfigError
from penstock.integrations.openmmlab.colors import COLOR_TYPES, in_order_of_opencv
from penstock.loading.program import Color

__all__ = ["LoadImageFromDeepLake"]


class LoadImageFromDeepLake(LoadImageFromFile):  # type: ignore[misc]
    """Takes the image that the loader decoded, or reads that of the item ``sample_idx``.

    Puts into the results what ``LoadImageFromFile`` puts there, and is one by class: scripts look for it in pipelines.

    Args:
        read: Gives an item's image in a colour.
        to_float32, color_type: As in ``LoadImageFromFile``.

    Attributes:
        color: The colour in which images have to be decoded for it.

    Raises:
        ConfigError: A ``color_type`` that does not exist.
    """

    def __init__(
        self, read: Callable[[int, Color], npt.NDArray[Any]], to_float32: bool = False, color_type: str = "color"
    ) -> None:
        super().__init__(to_float32, color_type)
        if color_type not in COLOR_TYPES:
            raise ConfigError(f"there is no color_type {color_type!r}", hint=did_you_mean(str(color_type), COLOR_TYPES))
        self.color: Color = COLOR_TYPES[color_type] or "bgr"
        self._read = read

    @classmethod
    def of(cls, transform: LoadImageFromFile, read: Callable[[int, Color], npt.NDArray[Any]]) -> LoadImageFromDeepLake:
        """What stands for MMDetection's own transform."""
        return cls(read, transform.to_float32, transform.color_type)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Adds ``img`` (uint8 or float32, height x width x channels), ``img_shape`` and ``ori_shape``."""
        image = results.get("img")
        if image is None:
            image = self._read(results["sample_idx"], self.color)
        if self.color == "native":
            image = in_order_of_opencv(image)
        results["img"] = image.astype(np.float32) if self.to_float32 else image
        results["img_shape"] = results["ori_shape"] = image.shape[:2]
        return results

    def __repr__(self) -> str:
        return f"LoadImageFromFile(to_float32={self.to_float32}, color_type='{self.color_type}')"
