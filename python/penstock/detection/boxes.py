"""Boxes as Deep Lake stores them, and as COCO has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from penstock.dataset import Tensor
from penstock.errors import ConfigError

__all__ = ["BoxFormat", "exact_decimals"]

_TYPES = ("pixel", "fractional")
_MODES = ("LTRB", "LTWH", "CCWH")
#: Of fractional coordinates, which have the most.
_MOST_PLACES = 6


@dataclass(frozen=True)
class BoxFormat:
    """What the four numbers of a box mean, by Deep Lake's "coords".

    Attributes:
        type: "pixel", or "fractional": of the image's width and height.
        mode: "LTRB" (left, top, right, bottom), "LTWH" (left, top, width, height) or "CCWH" (centre, width,
            height).
        declared: Whether the dataset says so; else this is Deep Lake's default.
    """

    type: str = "pixel"
    mode: str = "LTWH"
    declared: bool = False

    @classmethod
    def of(cls, tensor: Tensor) -> BoxFormat:
        """The format that a tensor's info declares. Raises ConfigError for one that Deep Lake does not
        have.
        """
        coords = tensor.info.get("coords") or {}
        if not coords:
            return cls()
        if not isinstance(coords, dict):
            raise ConfigError(f"'coords' is {coords!r}, not a dict", tensor=tensor.name, path=tensor.path)
        found = cls(coords.get("type", cls.type), coords.get("mode", cls.mode), declared=True)
        for name, value, known in (("type", found.type, _TYPES), ("mode", found.mode, _MODES)):
            if value not in known:
                raise ConfigError(
                    f"the boxes' coords have the {name} {value!r}",
                    tensor=tensor.name,
                    path=tensor.path,
                    hint=f"It must be one of {', '.join(known)}",
                )
        return found

    def to_ltwh(self, boxes: npt.NDArray[Any], height: npt.ArrayLike, width: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Boxes in pixels: float64 [n, 4] of left, top, width, height, as in COCO's annotation files.

        Args:
            boxes: Numbers [n, 4] in this format.
            height, width: Of the image, or of each box's image [n], in pixels.
        """
        left, top, third, fourth = exact_decimals(boxes).T
        if self.type == "fractional":
            left, top, third, fourth = left * width, top * height, third * width, fourth * height
        if self.mode == "LTRB":
            third, fourth = third - left, fourth - top
        elif self.mode == "CCWH":
            left, top = left - third / 2, top - fourth / 2
        return np.stack((left, top, third, fourth), axis=1)


def exact_decimals(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """float64 of numbers that were decimals before they were rounded to fewer bits.

    Annotation files hold decimals such as 473.07; a float32 tensor holds 473.0700073. The decimal with the fewest
    places that rounds to the stored value is the one it was made of, if that had at most six digits, and it is never
    farther away than the rounding went: with it, sums such as left + width come out as MMDetection computes them from
    the file. Numbers without such a decimal stay as they are.
    """
    exact = values.astype(np.float64, order="C")
    if values.dtype not in (np.float32, np.float16):
        return exact
    open_rows = np.flatnonzero(np.isfinite(values))
    found = exact.reshape(-1)
    stored = values.reshape(-1)
    for places in range(_MOST_PLACES + 1):
        # An integer divided by a power of ten is the float64 nearest to that decimal.
        rounded = np.round(found[open_rows], places)
        fits = rounded.astype(values.dtype) == stored[open_rows]
        found[open_rows[fits]] = rounded[fits]
        open_rows = open_rows[~fits]
    return exact
