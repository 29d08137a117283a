"""The drawn data set of the demo."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image

SHARES = {"circle": (0.76, 0.80), "square": (0.49, 1.01), "triangle": (0.33, 0.51)}


def test_the_same_seed_draws_the_same(shapes_module: ModuleType, tmp_path: Path) -> None:
    made = [shapes_module.make_shapes(tmp_path / name, 6, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    files = [
        [annotations.read_bytes(), *(file.read_bytes() for file in sorted(images.iterdir()))]
        for annotations, images in made
    ]
    assert files[0] == files[1]
    assert not set(files[0]) & set(files[2])


def test_boxes_hold_what_stands_out(shapes_module: ModuleType, shapes: Any) -> None:
    content = shapes.content
    sizes = {image["id"]: (image["width"], image["height"]) for image in content["images"]}
    for image in content["images"]:
        with Image.open(shapes.images / image["file_name"]) as picture:
            assert picture.format == "JPEG"
            assert picture.size == sizes[image["id"]]
    names = {category["id"]: category["name"] for category in content["categories"]}
    assert {names[row["category_id"]] for row in content["annotations"]} == {"circle", "square", "triangle"}
    for row in content["annotations"]:
        left, top, width, height = row["bbox"]
        assert min(left, top) >= 0
        assert left + width <= sizes[row["image_id"]][0]
        assert top + height <= sizes[row["image_id"]][1]
        points = np.array(row["segmentation"][0]).reshape(-1, 2)
        np.testing.assert_allclose(points.min(0), (left, top), atol=0.01)
        np.testing.assert_allclose(points.max(0), (left + width, top + height), atol=0.02)
        # A turned square fills half of its box or more, a circle pi / 4, a triangle a third to a half.
        share = row["area"] / (width * height)
        low, high = SHARES[names[row["category_id"]]]
        assert low < share < high
