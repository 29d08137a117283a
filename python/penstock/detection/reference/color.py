"""PhotoMetricDistortion and YOLOXHSVRandomAug."""

from __future__ import annotations

import numpy as np

from penstock.detection.reference.opencv import opencv
from penstock.detection.reference.results import Array, Results, refuse
from penstock.detection.steps import PhotoMetricDistortion, YOLOXHSVRandomAug
from penstock.loading.draws import Draws

__all__ = ["hsv_random_aug", "photo_metric_distortion"]


def photo_metric_distortion(step: PhotoMetricDistortion, results: Results, draws: Draws) -> Results:
    """Brightness, contrast, saturation, hue and the order of channels, each changed half of the time."""
    cv2 = opencv()
    if results.get("img_fields", ["img"]) != ["img"]:
        refuse(step, f"takes one image alone, not {results['img_fields']}")
    # OpenCV drops an alpha channel.
    image = _color_image(step, results, (3, 4)).astype(np.float32)
    if _coin(draws):
        image += draws.uniform(-step.brightness_delta, step.brightness_delta)
    contrast_first = _coin(draws)
    if contrast_first and _coin(draws):
        image *= draws.uniform(*step.contrast_range)
    image = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    if _coin(draws):
        image[..., 1] *= draws.uniform(*step.saturation_range)
    if _coin(draws):
        hue = image[..., 0]
        hue += draws.uniform(-step.hue_delta, step.hue_delta)
        hue[hue > 360] -= 360
        hue[hue < 0] += 360
    image = cv2.cvtColor(image, cv2.COLOR_HSV2BGR)
    if not contrast_first and _coin(draws):
        image *= draws.uniform(*step.contrast_range)
    if _coin(draws):
        # In a layout that OpenCV takes: MMDetection's own next step may fail on the one that indexing gives.
        image = np.ascontiguousarray(image[..., draws.permutation(3)])
    results["img"] = image
    return results


def hsv_random_aug(step: YOLOXHSVRandomAug, results: Results, draws: Draws) -> Results:
    """Adds drawn numbers to hue, saturation and value, each half of the time."""
    cv2 = opencv()
    image = _color_image(step, results, (3,))
    deltas = (step.hue_delta, step.saturation_delta, step.value_delta)
    gains = np.array([draws.uniform(-1, 1) for _ in deltas]) * deltas
    gains = (gains * [draws.randint(0, 2) for _ in deltas]).astype(np.int16)
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV).astype(np.int16)
    hsv[..., 0] = (hsv[..., 0] + gains[0]) % 180
    hsv[..., 1:] = np.clip(hsv[..., 1:] + gains[1:], 0, 255)
    results["img"] = cv2.cvtColor(hsv.astype(image.dtype), cv2.COLOR_HSV2BGR)
    return results


def _color_image(step: object, results: Results, channels: tuple[int, ...]) -> Array:
    image: Array = results["img"]
    if image.ndim != 3 or image.shape[2] not in channels:
        refuse(step, f"an image of shape {image.shape} has no three channels")
    return image


def _coin(draws: Draws) -> bool:
    return draws.randint(0, 2) == 1
