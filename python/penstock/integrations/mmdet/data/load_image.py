"""The step that stands where MMDetection loads an image from a file."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmdet.datasets.pipelines import LoadImageFromFile

from penstock.checks import did_you_mean
from penstock.dataset import Tensor
from penstock.errors import ConfigError
from penstock.integrations.openmmlab.colors import COLOR_TYPES, in_order_of_opencv
from penstock.loading.program import Color

__all__ = ["LoadImageFromDeepLake"]

_ORDERS: dict[str, Color] = {"bgr": "bgr", "rgb": "rgb"}


class LoadImageFromDeepLake(LoadImageFromFile):  # type: ignore[misc]
    """Takes the image that the loader decoded, or reads the sample that ``img_info`` names.

    Puts into the results what ``LoadImageFromFile`` puts there. It is a subclass of that because hooks look
    for one in a dataset's pipeline to get at single images.

    Args:
        image: The tensor of the images.
        to_float32, color_type, channel_order: As in ``LoadImageFromFile``.
        file_client_args: Not used.

    Attributes:
        color: The colour in which images have to be decoded for it.
    """

    def __init__(
        self,
        image: Tensor,
        to_float32: bool = False,
        color_type: str = "color",
        channel_order: str = "bgr",
        file_client_args: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(to_float32, color_type, channel_order, file_client_args or {"backend": "disk"})
        for name, value, known in (
            ("color_type", color_type, tuple(COLOR_TYPES)),
            ("channel_order", channel_order, tuple(_ORDERS)),
        ):
            if value not in known:
                raise ConfigError(f"there is no {name} {value!r}", hint=did_you_mean(str(value), known))
        self.color: Color = COLOR_TYPES[color_type] or _ORDERS[channel_order]
        self._image = image

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Adds ``img``, ``img_shape``, ``ori_shape``, ``img_fields``, ``filename`` and ``ori_filename``."""
        info = results["img_info"]
        image = results.get("img")
        if image is None:
            image = self._image.read(info["index"], color=self.color)
        if self.color == "native":
            image = in_order_of_opencv(image)
        if self.to_float32:
            image = image.astype(np.float32)
        results["filename"] = results["ori_filename"] = info["filename"]
        results["img"] = image
        results["img_shape"] = results["ori_shape"] = image.shape
        results["img_fields"] = ["img"]
        return results
