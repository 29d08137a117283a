"""COCO files, and the same as Deep Lake datasets, for comparison with MMDetection's own reading."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from support.images import jpeg, picture
from support.lake import encoded, new_lake

__all__ = ["CocoPair", "write_awkward_coco", "write_awkward_files", "write_coco_lake"]

_NAMES = ["cat", "dog", "emu", "fox"]
#: As in COCO itself, numbers that are neither dense nor start at 0.
_IDS = [2, 3, 7, 90]


class CocoPair(NamedTuple):
    """The same annotations twice: a COCO file with a folder of images, and a Deep Lake dataset."""

    annotations: Path
    images: Path
    lake: Path


def write_coco_lake(path: Path, annotation_file: Path, images: Path, compression: str = "jpeg") -> CocoPair:
    """A dataset with the images of a COCO file in its order, and per-box tensors beside the boxes.

    Images are the files byte for byte; with another compression than JPEG, their pixels.
    """
    coco = json.loads(annotation_file.read_text())
    ids = [category["id"] for category in coco["categories"]]
    annotations: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for annotation in coco["annotations"]:
        annotations[annotation["image_id"]].append(annotation)
    with new_lake(path) as lake:
        lake.create_tensor("images", htype="image", sample_compression=compression)
        lake.create_tensor("boxes", htype="bbox", coords={"type": "pixel", "mode": "LTWH"})
        names = [category["name"] for category in coco["categories"]]
        lake.create_tensor("categories", htype="class_label", class_names=names)
        lake.create_tensor("iscrowds", dtype="bool")
        lake.create_tensor("areas", dtype="float64")
        lake.create_tensor("image_ids", dtype="int64")
        lake.categories.info.update(category_ids=ids)
        for image in coco["images"]:
            rows = annotations[image["id"]]
            file = images / image["file_name"]
            lake.images.append(encoded(file.read_bytes(), "jpeg") if compression == "jpeg" else _pixels(file))
            lake.boxes.append(np.array([row["bbox"] for row in rows], np.float32).reshape(-1, 4))
            lake.categories.append(np.array([ids.index(row["category_id"]) for row in rows], np.uint32))
            lake.iscrowds.append(np.array([row["iscrowd"] for row in rows], bool))
            lake.areas.append(np.array([row["area"] for row in rows], np.float64))
            lake.image_ids.append(np.array([image["id"]], np.int64))
    return CocoPair(annotation_file, images, path)


def _pixels(file: Path) -> Any:
    from PIL import Image

    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


def write_awkward_coco(folder: Path) -> CocoPair:
    """:func:`write_awkward_files` and the dataset of them."""
    return write_coco_lake(folder / "lake", write_awkward_files(folder), folder)


def write_awkward_files(folder: Path) -> Path:
    """A COCO file, with its images beside it: annotations of every kind that MMDetection treats in its own way.

    Tall, wide, square and tiny images; images without annotations, with crowds alone, with nothing but boxes
    that are dropped (outside of the image, narrower than a pixel, without area); boxes across the border.
    """
    rng = np.random.default_rng(5)
    images, annotations = [], []
    sizes = [(48, 64), (64, 48), (50, 50), (20, 90), (31, 40), (32, 32), *[(60, 80), (80, 60)] * 5]
    for number, (height, width) in enumerate(sizes):
        image_id = 1000 - 7 * number
        name = f"{image_id:012d}.jpg"
        (folder / name).write_bytes(jpeg(picture(height, width, 3, seed=number)))
        images.append({"id": image_id, "file_name": name, "height": height, "width": width})
        for box in _boxes(number, height, width, rng):
            annotations.append(
                {
                    "id": 5000 + len(annotations),
                    "image_id": image_id,
                    "category_id": _IDS[int(rng.integers(4))],
                    "bbox": [round(float(value), 2) for value in box],
                    "area": 0 if number == 9 else round(float(box[2] * box[3] * rng.uniform(0.4, 1)), 4),
                    "iscrowd": int(number == 8 or rng.random() < 0.2),
                }
            )
    file = folder / "instances.json"
    categories = [{"id": number, "name": name} for number, name in zip(_IDS, _NAMES, strict=True)]
    # Annotation files are not sorted by image.
    rng.shuffle(annotations)
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return file


def _boxes(number: int, height: int, width: int, rng: np.random.Generator) -> list[Any]:
    if number in (6, 13):
        return []
    if number == 7:
        return [(width + 3, 4, 10, 10), (5, 5, 0.5, 12), (-30, 2, 25, 9)]
    corners = rng.uniform((-5, -5), (width * 0.7, height * 0.7), (5, 2))
    extents = rng.uniform((2, 2), (width * 0.6, height * 0.6), (5, 2))
    return list(np.concatenate((corners, extents), axis=1))
