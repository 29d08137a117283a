"""COCO files as datasets of Deep Lake 4."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from support.coco_lakes import CocoPair

__all__ = ["write_coco_lake4"]


def write_coco_lake4(path: Path, annotation_file: Path, images: Path) -> CocoPair:
    """A dataset with the images of a COCO file in its order, and columns of a value for each box beside the boxes."""
    import deeplake
    from deeplake import types

    coco = json.loads(annotation_file.read_text())
    ids = [category["id"] for category in coco["categories"]]
    annotations: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for annotation in coco["annotations"]:
        annotations[annotation["image_id"]].append(annotation)
    dataset = deeplake.create(str(path))
    dataset.add_column("images", types.Image(sample_compression="jpeg"))
    dataset.add_column("boxes", types.BoundingBox(dtype="float32", format="ltwh", bbox_type="pixel"))
    dataset.add_column("categories", types.ClassLabel(types.Array("uint32", 1)))
    dataset.add_column("iscrowds", types.Array("uint8", 1))
    dataset.add_column("areas", types.Array("float64", 1))
    dataset.add_column("image_ids", types.Array("int64", 1))
    dataset["categories"].metadata["class_names"] = [category["name"] for category in coco["categories"]]
    dataset["categories"].metadata["category_ids"] = ids
    dataset.commit("columns")
    for image in coco["images"]:
        rows = annotations[image["id"]]
        dataset.append(
            {
                "images": [(images / image["file_name"]).read_bytes()],
                "boxes": [np.array([row["bbox"] for row in rows], np.float32).reshape(-1, 4)],
                "categories": [np.array([ids.index(row["category_id"]) for row in rows], np.uint32)],
                "iscrowds": [np.array([row["iscrowd"] for row in rows], np.uint8)],
                "areas": [np.array([row["area"] for row in rows], np.float64)],
                "image_ids": [np.array([image["id"]], np.int64)],
            }
        )
    dataset.commit("rows")
    return CocoPair(annotation_file, images, path)
