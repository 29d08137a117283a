"""Real photographs, as downloaded: read by Penstock, by deeplake and by Pillow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import penstock
from support.lake import encoded, new_lake, open_lake


def test_photographs_of_coco(deeplake: Any, coco_mini: Path, tmp_path: Path) -> None:
    files = sorted((coco_mini / "val2017").glob("*.jpg"))[:16]
    third = sum(file.stat().st_size for file in files) // 3
    with new_lake(tmp_path / "dataset") as lake:
        lake.create_tensor("images", htype="image", sample_compression="jpeg", max_chunk_size=third)
        lake.images.extend([encoded(file.read_bytes(), "jpeg") for file in files])
    tensor = penstock.open(tmp_path / "dataset")["images"]
    assert len(tensor) == len(files) > 0
    assert len(tensor.chunks) > 1
    with open_lake(tmp_path / "dataset") as theirs:
        for index, file in enumerate(files):
            assert tensor.bytes(index) == file.read_bytes()
            assert np.array_equal(tensor[index], theirs.images[index].numpy())
            with Image.open(file) as image:
                assert np.array_equal(tensor.read(index, "rgb"), np.array(image.convert("RGB")))
                assert tensor.shapes()[index, :2].tolist() == [image.height, image.width]
