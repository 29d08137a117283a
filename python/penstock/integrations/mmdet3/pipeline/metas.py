"""MMDetection 3's notes on a sample, from the numbers that the core keeps of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from penstock.detection import steps as st

__all__ = ["NAMES", "Metas"]

#: What datasets note of where a sample comes from.
NAMES = ("img_id", "img_path")
_DIRECTIONS = (None, "horizontal", "vertical", "diagonal")


class Metas:
    """Makes the entries of MMDetection's ``results`` that describe a sample.

    Args:
        steps: The steps that the core has run.
        gray: Images have no axis of channels.

    Attributes:
        keys: All that it can make. A sample may have fewer: some steps are drawn, or find nothing to note.
    """

    def __init__(self, steps: Iterable[Any], *, gray: bool) -> None:
        run = list(_walk(steps))
        pads = [step for step in run if isinstance(step, st.Pad)]
        self.keys = frozenset((*NAMES, "ori_shape", "img_shape", "pad_shape", *st.Resize.facts.notes, "scale_idx"))
        self.keys |= {"flip", "flip_direction"}
        self._channels = () if gray else (3,)
        # Where several pads are drawn from, the numbers do not tell which it was.
        self._pad = pads[-1] if len({(pad.size, pad.size_divisor) for pad in pads}) == 1 else None
        if self._pad is not None or not pads:
            self.keys |= {"pad_fixed_size", "pad_size_divisor"}

    def __call__(self, row: Mapping[str, float], names: Mapping[str, Any]) -> dict[str, Any]:
        """The entries of one sample.

        Args:
            row: Its numbers by the core's column names.
            names: What the dataset notes of it: see :data:`NAMES`.
        """
        values: dict[str, Any] = {
            **names,
            "ori_shape": _pair(row, "ori_height", "ori_width"),
            "img_shape": _pair(row, "img_height", "img_width"),
        }
        if _has(row, "pad_height"):
            values["pad_shape"] = (*_pair(row, "pad_height", "pad_width"), *self._channels)
            if self._pad is not None:
                size = self._pad.size
                values["pad_fixed_size"] = None if size is None else (size[1], size[0])
                values["pad_size_divisor"] = self._pad.size_divisor
        if _has(row, "x_scale"):
            values["scale_factor"] = (row["x_scale"], row["y_scale"])
            values["scale"] = _pair(row, "scale_width", "scale_height")
            values["keep_ratio"] = bool(row["keep_ratio"])
        if _has(row, "scale_idx"):
            values["scale_idx"] = int(row["scale_idx"])
        if _has(row, "flip"):
            values["flip_direction"] = _DIRECTIONS[int(row["flip"])]
            values["flip"] = values["flip_direction"] is not None
        return values


def _walk(steps: Iterable[Any]) -> Iterator[Any]:
    """All steps, those of choices and of views too."""
    for step in steps:
        yield step
        lists = step.choices if isinstance(step, st.RandomChoice) else getattr(step, "views", ())
        for one in lists:
            yield from _walk(one)


def _has(row: Mapping[str, float], column: str) -> bool:
    return not math.isnan(row[column])


def _pair(row: Mapping[str, float], first: str, second: str) -> tuple[int, int]:
    return int(row[first]), int(row[second])
