"""Pictures with structure (gradients, disks, bars), reproducible, and their files."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["jpeg", "picture", "png", "webp"]


def picture(height: int, width: int, channels: int = 3, seed: int = 0) -> npt.NDArray[np.uint8]:
    """uint8 [height, width, channels], or [height, width] for ``channels`` 0.

    Smooth, as codecs expect, with edges that show a wrong upsampling or a swapped channel.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    layers = []
    for _ in range(max(channels, 1)):
        slope = rng.uniform(-1, 1, size=2)
        layer = 128 + 100 * (slope[0] * y / max(height, 1) + slope[1] * x / max(width, 1))
        center, radius = (
            rng.uniform(0, 1, size=2) * (height, width),
            rng.uniform(0.1, 0.4) * min(height, width),
        )
        layer[(y - center[0]) ** 2 + (x - center[1]) ** 2 < radius**2] = rng.uniform(0, 255)
        layer[:, int(rng.integers(0, width)) :: 7] = rng.uniform(0, 255)
        layers.append(layer + rng.normal(0, 3, size=layer.shape))
    image = np.clip(np.stack(layers, axis=-1), 0, 255).astype(np.uint8)
    return image[:, :, 0] if channels == 0 else image


def jpeg(image: npt.NDArray[np.uint8], **options: Any) -> bytes:
    """A JPEG file. ``options`` are Pillow's: quality, subsampling (0: 4:4:4, 2: 4:2:0), progressive, exif."""
    return _file(image, "JPEG", **{"quality": 90, **options})


def png(image: npt.NDArray[Any], mode: str | None = None, **options: Any) -> bytes:
    """A PNG file; ``mode`` is Pillow's, to convert to before writing ("LA", "P")."""
    return _file(image, "PNG", mode, **options)


def webp(image: npt.NDArray[np.uint8], **options: Any) -> bytes:
    """A WebP file. ``options`` are Pillow's: quality, lossless, method."""
    return _file(image, "WEBP", **options)


def _file(image: npt.NDArray[Any], image_format: str, mode: str | None = None, **options: Any) -> bytes:
    buffer = BytesIO()
    picture = Image.fromarray(image[:, :, 0] if image.ndim == 3 and image.shape[2] == 1 else image)
    (picture.convert(mode) if mode else picture).save(buffer, image_format, **options)
    return buffer.getvalue()
