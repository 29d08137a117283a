"""Plans of pixels as ``penstock._core.run_pixels`` takes them, and the same steps by OpenCV, mmcv and numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import mmcv
import numpy as np
import numpy.typing as npt

__all__ = ["Image", "Step", "by_opencv", "extent_after", "plan", "stored"]

Image = npt.NDArray[Any]
Step = dict[str, Any]


def plan(steps: Sequence[Step], source: int = 0, channels: int = 3) -> dict[str, Any]:
    """A plan that begins with image number ``source``."""
    return {"source": source, "channels": channels, "steps": list(steps)}


def stored(image: npt.NDArray[np.uint8]) -> tuple[str, bytes, list[int]]:
    """An image as a dataset has it without compression."""
    return "none", image.tobytes(), list(image.shape)


def extent_after(steps: Sequence[Step], extent: tuple[int, int]) -> tuple[int, int]:
    """Height and width of what ``steps`` make of an image."""
    for step in steps:
        extent = step.get("extent", extent)
    return extent


def by_opencv(images: Sequence[Image], described: dict[str, Any]) -> Image:
    """Runs a plan step by step. Images are height, width, channels in BGR order."""
    image = images[described["source"]].copy()
    for step in described["steps"]:
        image = globals()["_" + step["type"].lower()](image, images=images, **step)
        if image.ndim == 2:
            image = image[:, :, None]
    return image


def _tofloat(image: Image, **_: Any) -> Image:
    return image.astype(np.float32)


def _canvas(image: Image, *, extent: tuple[int, int], left: int, top: int, fill: Sequence[float], **_: Any) -> Image:
    canvas = np.empty((*extent, image.shape[2]), image.dtype)
    canvas[:] = np.array(fill[: image.shape[2]]).astype(image.dtype)
    return _put(canvas, image, left, top)


def _put(canvas: Image, image: Image, left: int, top: int) -> Image:
    y0, y1 = max(top, 0), min(top + image.shape[0], canvas.shape[0])
    x0, x1 = max(left, 0), min(left + image.shape[1], canvas.shape[1])
    if y0 < y1 and x0 < x1:
        canvas[y0:y1, x0:x1] = image[y0 - top : y1 - top, x0 - left : x1 - left]
    return canvas


def _resize(image: Image, *, extent: tuple[int, int], nearest: bool, **_: Any) -> Image:
    how = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(image), extent[::-1], interpolation=how))


def _resizeindoubles(image: Image, *, extent: tuple[int, int], **_: Any) -> Image:
    resized = cv2.resize(image.astype(np.float64), extent[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized.astype(np.uint8))


def _flip(image: Image, *, horizontal: bool, vertical: bool, **_: Any) -> Image:
    return np.ascontiguousarray(image[:: -1 if vertical else 1, :: -1 if horizontal else 1])


def _fill(image: Image, *, rectangles: Sequence[Sequence[int]], value: Sequence[float], **_: Any) -> Image:
    for left, top, right, bottom in rectangles:
        image[top:bottom, left:right] = np.array(value[: image.shape[2]]).astype(image.dtype)
    return image


def _photometric(image: Image, **step: Any) -> Image:
    image = image.astype(np.float32)
    image += np.float32(step["brightness"])
    image *= np.float32(step["contrast_before"])
    hsv = mmcv.bgr2hsv(image)
    hsv[..., 1] *= step["saturation"]
    hsv[..., 1] = np.minimum(hsv[..., 1], np.float32(step["largest_saturation"]))
    hsv[..., 0] += step["hue"]
    hsv[..., 0][hsv[..., 0] > 360] -= 360
    hsv[..., 0][hsv[..., 0] < 0] += 360
    image = mmcv.hsv2bgr(hsv)
    image *= np.float32(step["contrast_after"])
    return np.ascontiguousarray(image[..., list(step["order"])])


def _hsvgains(image: Image, *, gains: Sequence[int], **_: Any) -> Image:
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV).astype(np.int16)
    hsv[..., 0] = (hsv[..., 0] + gains[0]) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] + gains[1], 0, 255)
    hsv[..., 2] = np.clip(hsv[..., 2] + gains[2], 0, 255)
    return np.asarray(cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR))


def _normalize(image: Image, *, mean: Sequence[float], inverse_std: Sequence[float], swap: bool, **_: Any) -> Image:
    if image.shape[2] == 1:  # which mmcv refuses
        return ((image.astype(np.float32) - np.float32(mean[0])) * np.float32(inverse_std[0])).astype(np.float32)
    return np.asarray(mmcv.imnormalize(image, np.array(mean), 1 / np.array(inverse_std), swap))


def _warp(image: Image, *, matrix: Sequence[float], extent: tuple[int, int], fill: Sequence[float], **_: Any) -> Image:
    matrix3 = np.array(matrix, np.float64).reshape(3, 3)
    return np.asarray(cv2.warpPerspective(image, matrix3, extent[::-1], borderValue=tuple(fill)))


def _overlay(
    image: Image, *, image_plan: dict[str, Any], images: Sequence[Image], left: int, top: int, **_: Any
) -> Image:
    return _put(image, by_opencv(images, image_plan), left, top)


def _blend(image: Image, *, image_plan: dict[str, Any], images: Sequence[Image], **_: Any) -> Image:
    other = by_opencv(images, image_plan)
    return np.asarray((0.5 * image.astype(np.float32) + 0.5 * other.astype(np.float32)).astype(np.uint8))


def _select(
    image: Image, *, image_plan: dict[str, Any], images: Sequence[Image], mask: Sequence[int], **_: Any
) -> Image:
    chosen = np.array(mask, np.uint8).reshape(image.shape[:2]) != 0
    image[chosen] = by_opencv(images, image_plan)[chosen]
    return image
