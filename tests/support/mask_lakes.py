"""COCO files with segmentations of every kind, as Deep Lake datasets with masks of either htype."""

from __future__ import annotations

import gc
import json
import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np

from penstock.ingest import ingest_coco
from support.coco_lakes import CocoPair, write_awkward_coco

__all__ = ["ingested", "write_awkward_masks"]


def write_awkward_masks(folder: Path, masks: Literal["polygon", "binary_mask"]) -> CocoPair:
    """The awkward annotations with segmentations: polygons of one to three parts, which may overlap or leave the image,
    and run lengths of crowds and others, compressed and not.
    """
    pair = write_awkward_coco(folder)
    content = json.loads(pair.annotations.read_text())
    sizes = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
    rng = np.random.default_rng(8)
    for annotation in content["annotations"]:
        size = sizes[annotation["image_id"]]
        if annotation["iscrowd"] or rng.random() < 0.2:
            annotation["segmentation"] = _run_lengths(annotation["bbox"], size, rng)
        else:
            annotation["segmentation"] = [_part(annotation["bbox"], rng) for _ in range(rng.integers(1, 4))]
        annotation["area"] = annotation["area"] and _area(annotation["segmentation"], size)
    pair.annotations.write_text(json.dumps(content))
    return ingested(folder / "masks", pair.annotations, pair.images, masks)


def ingested(lake: Path, annotations: Path, images: Path, masks: Literal["polygon", "binary_mask"]) -> CocoPair:
    """A COCO file and its images, written by penstock.ingest."""
    with warnings.catch_warnings():
        # deeplake leaves it to the garbage collector to close the image files.
        warnings.simplefilter("ignore", ResourceWarning)
        ingest_coco(annotations, images, lake, masks=masks)
        gc.collect()
    return CocoPair(annotations, images, lake)


def _part(box: list[float], rng: np.random.Generator) -> list[float]:
    """A triangle or quadrangle around a place in the box."""
    left, top, width, height = box
    corners = rng.uniform((left, top), (left + width, top + height), (int(rng.integers(3, 5)), 2))
    return [round(float(value), 2) for value in corners.reshape(-1)]


def _run_lengths(box: list[float], size: tuple[int, int], rng: np.random.Generator) -> dict[str, Any]:
    from pycocotools import mask

    pixels = np.zeros(size, np.uint8)
    left, top, width, height = (max(0, int(value)) for value in box)
    inside = pixels[top : top + height + 1, left : left + width + 1]
    inside[:] = rng.random(inside.shape) < 0.8
    encoded = mask.encode(np.asfortranarray(pixels))
    if rng.random() < 0.5:
        return {"size": list(size), "counts": encoded["counts"].decode()}
    runs = np.flatnonzero(np.diff(pixels.reshape(-1, order="F"), prepend=0, append=2))
    return {"size": list(size), "counts": np.diff(runs, prepend=0).tolist()}


def _area(segmentation: Any, size: tuple[int, int]) -> float:
    from pycocotools import mask

    encoded = mask.frPyObjects(segmentation, *size) if _needs_encoding(segmentation) else segmentation
    return float(mask.area(mask.merge(encoded) if isinstance(encoded, list) else encoded))


def _needs_encoding(segmentation: Any) -> bool:
    return isinstance(segmentation, list) or isinstance(segmentation["counts"], list)
