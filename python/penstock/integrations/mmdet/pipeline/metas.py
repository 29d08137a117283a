"""MMDetection's notes on a sample, from the numbers that the core keeps of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from penstock.detection import steps as st
from penstock.integrations.mmdet.pipeline.batch_forms import DefaultFormatBundle

__all__ = ["Metas", "walk"]

_DIRECTIONS = (None, "horizontal", "vertical", "diagonal")


def walk(steps: Iterable[Any]) -> Iterator[Any]:
    """All steps, those inside of MultiScaleFlipAug too."""
    for step in steps:
        yield step
        if isinstance(step, st.MultiScaleFlipAug):
            yield from walk(step.transforms)


class Metas:
    """Makes the entries of MMDetection's ``results`` that describe a sample.

    Args:
        steps: The steps that the core has run.
        gray: Images have no axis of channels.

    Attributes:
        keys: The entries that every sample has after the steps.
    """

    def __init__(self, steps: Iterable[Any], *, gray: bool) -> None:
        run = list(walk(steps))
        self.keys = frozenset(key for step in run for key in step.noted())
        self._channels = () if gray else (3,)
        self._formatted = any(isinstance(step, DefaultFormatBundle) for step in run)
        self._norm = next((_norm_cfg(step) for step in reversed(run) if isinstance(step, st.Normalize)), None)
        self._pad = next((step for step in reversed(run) if isinstance(step, st.Pad)), None)

    def __call__(self, row: Mapping[str, float], names: Mapping[str, Any]) -> dict[str, Any]:
        """The entries of one sample; arrays and dicts are its own.

        Args:
            row: Its numbers by the core's column names.
            names: What the dataset notes of it: "filename" and the like.
        """
        values: dict[str, Any] = {
            **names,
            "ori_shape": self._shape(row, "ori_height", "ori_width"),
            "img_shape": self._shape(row, "img_height", "img_width"),
        }
        if _has(row, "pad_height"):
            values["pad_shape"] = self._shape(row, "pad_height", "pad_width")
        if _has(row, "x_scale"):
            x, y = row["x_scale"], row["y_scale"]
            values["scale_factor"] = np.array([x, y, x, y], dtype=np.float32)
            values["scale"] = (int(row["scale_width"]), int(row["scale_height"]))
            values["scale_idx"] = int(row["scale_idx"]) if _has(row, "scale_idx") else None
            values["keep_ratio"] = bool(row["keep_ratio"])
        if _has(row, "flip"):
            values["flip_direction"] = _DIRECTIONS[int(row["flip"])]
            values["flip"] = values["flip_direction"] is not None
        if self._pad is not None:
            values["pad_size_divisor"] = self._pad.size_divisor
            values["pad_fixed_size"] = (
                (int(row["pad_fixed_height"]), int(row["pad_fixed_width"])) if _has(row, "pad_fixed_height") else None
            )
        if self._norm is not None:
            values["img_norm_cfg"] = dict(self._norm)
        if self._formatted:
            self._add_defaults(values, row)
        return values

    def _shape(self, row: Mapping[str, float], height: str, width: str) -> tuple[int, ...]:
        return (int(row[height]), int(row[width]), *self._channels)

    def _add_defaults(self, values: dict[str, Any], row: Mapping[str, float]) -> None:
        values.setdefault("pad_shape", self._shape(row, "height", "width"))
        values.setdefault("scale_factor", 1.0)
        if "img_norm_cfg" not in values:
            channels = self._channels[0] if self._channels else 1
            neutral = {"mean": np.zeros(channels, np.float32), "std": np.ones(channels, np.float32)}
            values["img_norm_cfg"] = {**neutral, "to_rgb": False}


def _has(row: Mapping[str, float], column: str) -> bool:
    return not math.isnan(row[column])


def _norm_cfg(step: st.Normalize) -> dict[str, Any]:
    return {
        "mean": np.array(step.mean, dtype=np.float32),
        "std": np.array(step.std, dtype=np.float32),
        "to_rgb": step.to_rgb,
    }
