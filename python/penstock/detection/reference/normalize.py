"""Normalize."""

from __future__ import annotations

import numpy as np

from penstock.detection.reference.opencv import opencv
from penstock.detection.reference.results import Array, Results, images_of
from penstock.detection.steps import Normalize
from penstock.loading.draws import Draws

__all__ = ["apply"]


def apply(step: Normalize, results: Results, draws: Draws) -> Results:
    """(image - mean) / std in float32, channels turned round before where ``to_rgb``."""
    mean, std = np.array(step.mean, dtype=np.float32), np.array(step.std, dtype=np.float32)
    for key in images_of(results):
        results[key] = _normalized(results[key], mean, std, step.to_rgb)
    results["img_norm_cfg"] = {"mean": mean, "std": std, "to_rgb": step.to_rgb}
    return results


def _normalized(image: Array, mean: Array, std: Array, to_rgb: bool) -> Array:
    cv2 = opencv()
    # In C order, which a flipped view does not have and OpenCV needs to write in place.
    normalized = np.array(image, dtype=np.float32, order="C")
    if to_rgb:
        cv2.cvtColor(normalized, cv2.COLOR_BGR2RGB, normalized)
    cv2.subtract(normalized, np.float64(mean.reshape(1, -1)), normalized)
    cv2.multiply(normalized, 1 / np.float64(std.reshape(1, -1)), normalized)
    return normalized
