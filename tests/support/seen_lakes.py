"""Datasets to be looked at: names that are markup, masks of both kinds, images of several formats, damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from support.images import jpeg, picture, png
from support.lake import encoded, new_lake

__all__ = ["EVIL", "write_seen_lake"]

#: What a page must show and never obey.
EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>&amp;\u202e'\""
SIZES = ((120, 160), (160, 120), (90, 200), (140, 140))


def write_seen_lake(path: Path, count: int = 30, *, masks: str | None = "polygon", compression: str = "jpeg") -> Path:
    """Samples with 0 to 3 boxes of the classes "cat", "dog" and one whose name is markup; each fifth has none."""
    rng = np.random.default_rng(5)
    with new_lake(path) as lake:
        lake.create_tensor("images", htype="image", sample_compression=compression)
        lake.create_tensor("boxes", htype="bbox", dtype="float32", coords={"type": "pixel", "mode": "LTWH"})
        lake.create_tensor("labels", htype="class_label", class_names=["cat", "dog", EVIL])
        if masks:
            lake.create_tensor("masks", htype=masks, **({} if masks == "polygon" else {"sample_compression": "lz4"}))
        lake.create_tensor("notes", htype="text")
        for number in range(count):
            height, width = SIZES[number % len(SIZES)]
            array = picture(height, width, 3, seed=number)
            objects = 0 if number % 5 == 4 else 1 + number % 3
            corners = rng.uniform(0, 0.5, (objects, 2)) * (width, height)
            sides = rng.uniform(0.2, 0.5, (objects, 2)) * (width, height)
            boxes = np.concatenate((corners, sides), axis=1).astype(np.float32)
            lake.images.append(encoded(jpeg(array) if compression == "jpeg" else png(array), compression))
            lake.boxes.append(boxes)
            lake.labels.append(np.array([(number + place) % 3 for place in range(objects)], np.uint32))
            if masks == "polygon":
                lake.masks.append([diamond(box) for box in boxes])
            elif masks:
                stack = np.zeros((height, width, objects), bool)
                for place, (left, top, right, bottom) in enumerate(boxes.astype(int)):
                    stack[top : top + bottom // 2, left : left + right // 2, place] = True
                lake.masks.append(stack)
            lake.notes.append(f"{EVIL} {number}")
    return path


def diamond(box: np.ndarray) -> np.ndarray:
    left, top, width, height = box
    x, y = left + width / 2, top + height / 2
    return np.array([(x, top), (left + width, y), (x, top + height), (left, y)], np.float32)
