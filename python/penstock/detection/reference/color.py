"""PhotoMetricDistortion and YOLOXHSVRandomAug."""

from __future__ import annotations

from typing import NamedTuple

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
    change = _draw_all(step, draws) if step.draws_all else _draw_what_is_used(step, draws)
    if change.brightness is not None:
        image += change.brightness
    if change.contrast_before is not None:
        image *= change.contrast_before
    image = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    if change.saturation is not None:
        image[..., 1] *= change.saturation
        if step.clips_saturation and change.saturation > 1:
            image[..., 1] = image[..., 1].clip(0, 1)
    if change.hue is not None:
        hue = image[..., 0]
        hue += change.hue
        hue[hue > 360] -= 360
        hue[hue < 0] += 360
    image = cv2.cvtColor(image, cv2.COLOR_HSV2BGR)
    if change.contrast_after is not None:
        image *= change.contrast_after
    if change.order is not None:
        # In a layout that OpenCV takes: MMDetection's own next step may fail on the one that indexing gives.
        image = np.ascontiguousarray(image[..., change.order])
    results["img"] = image
    return results


class _Change(NamedTuple):
    """What is done to an image's colours; None: nothing."""

    brightness: float | None
    contrast_before: float | None
    saturation: float | None
    hue: float | None
    contrast_after: float | None
    order: list[int] | None


def _draw_what_is_used(step: PhotoMetricDistortion, draws: Draws) -> _Change:
    brightness = draws.uniform(-step.brightness_delta, step.brightness_delta) if _coin(draws) else None
    contrast_first = _coin(draws)
    contrast_before = draws.uniform(*step.contrast_range) if contrast_first and _coin(draws) else None
    saturation = draws.uniform(*step.saturation_range) if _coin(draws) else None
    hue = draws.uniform(-step.hue_delta, step.hue_delta) if _coin(draws) else None
    contrast_after = draws.uniform(*step.contrast_range) if not contrast_first and _coin(draws) else None
    order = draws.permutation(3) if _coin(draws) else None
    return _Change(brightness, contrast_before, saturation, hue, contrast_after, order)


def _draw_all(step: PhotoMetricDistortion, draws: Draws) -> _Change:
    contrast_first, *used = [_coin(draws) for _ in range(6)]
    brightness = draws.uniform(-step.brightness_delta, step.brightness_delta)
    contrast = draws.uniform(*step.contrast_range)
    saturation = draws.uniform(*step.saturation_range)
    hue = draws.uniform(-step.hue_delta, step.hue_delta)
    order = draws.permutation(3)
    return _Change(
        brightness=brightness if used[0] else None,
        contrast_before=contrast if used[1] and contrast_first else None,
        saturation=saturation if used[2] else None,
        hue=hue if used[3] else None,
        contrast_after=contrast if used[1] and not contrast_first else None,
        order=order if used[4] else None,
    )


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
