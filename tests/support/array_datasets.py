"""Datasets of numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from support.lake import new_lake

__all__ = ["COMPRESSIONS", "DTYPES", "annotations", "empties", "many_chunks", "numeric", "scalars"]

DTYPES = [
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
]
COMPRESSIONS: dict[str, dict[str, Any]] = {
    "raw": {},
    "lz4_chunk": {"chunk_compression": "lz4"},
    "lz4_sample": {"sample_compression": "lz4"},
}


def annotations(path: Path) -> None:
    """Boxes with two conventions, labels with names, masks, keypoints: the tensors of a detection dataset."""
    rng = np.random.default_rng(7)
    counts = [3, 1, 0, 5, 2, 0, 7]
    with new_lake(path) as lake:
        for group, coords in (
            ("pixels", {"type": "pixel", "mode": "LTWH"}),
            ("fractions", {"type": "fractional", "mode": "CCWH"}),
        ):
            lake.create_tensor(f"{group}/boxes", htype="bbox", coords=coords)
            lake[f"{group}/boxes"].extend([rng.random((count, 4), dtype=np.float32) for count in counts])
        lake.create_tensor("labels", htype="class_label", class_names=["cat", "dog", "émeu"])
        lake.labels.extend([rng.integers(0, 3, count).astype(np.uint32) for count in counts])
        lake.create_tensor("masks", htype="binary_mask", sample_compression="lz4")
        lake.masks.extend([rng.random((9, 11, count)) < 0.5 for count in counts])
        lake.create_tensor("areas", htype="segment_mask", chunk_compression="lz4", class_names=["sky"])
        lake.areas.extend([rng.integers(0, 9, (4 + count, 5)).astype(np.uint32) for count in counts])
        lake.create_tensor("points", htype="keypoints_coco")
        lake.points.extend([rng.integers(0, 99, (51, count)).astype(np.int32) for count in counts])
        lake.create_tensor("vectors", htype="embedding")
        lake.vectors.extend([rng.random(16, dtype=np.float32) for _ in counts])


def numeric(path: Path) -> None:
    """Every dtype, uncompressed and compressed both ways, with shapes that vary."""
    with new_lake(path) as lake:
        for dtype in DTYPES:
            for name, kind in COMPRESSIONS.items():
                tensor = lake.create_tensor(f"{name}/{dtype}", dtype=dtype, **kind)
                rng = np.random.default_rng(3)
                for shape in ((2, 3), (1, 5), (4, 1), (4, 1), (0, 3)):
                    tensor.append((rng.random(shape) * 200 - (0 if dtype[0] == "u" else 100)).astype(dtype))


def scalars(path: Path) -> None:
    """Numbers without an axis, which Deep Lake gives one."""
    with new_lake(path) as lake:
        for name, kind in COMPRESSIONS.items():
            lake.create_tensor(name, dtype="int64", max_chunk_size=400, **kind)
            lake[name].extend(np.arange(100) ** 3)


def empties(path: Path) -> None:
    """Empty samples at the start, in the middle and at the end; a tensor of nothing else; an empty one."""
    with new_lake(path) as lake:
        for name, kind in COMPRESSIONS.items():
            lake.create_tensor(f"{name}/middle", dtype="float32", **kind)
            lake[f"{name}/middle"].extend(
                [np.ones((2, 2), "f4"), None, np.zeros((0, 2), "f4"), np.ones((1, 2), "f4")]
            )
            lake.create_tensor(f"{name}/start", dtype="float32", **kind)
            lake[f"{name}/start"].extend([None, None, np.ones((3,), "f4")])
            lake.create_tensor(f"{name}/end", dtype="float32", **kind)
            lake[f"{name}/end"].extend([np.ones((3,), "f4"), None, None])
            lake.create_tensor(f"{name}/without_rows", dtype="float32", **kind)
            lake[f"{name}/without_rows"].extend([np.zeros((0, 4), "f4")] * 3)
            lake.create_tensor(f"{name}/chunk_of_empties", dtype="float32", max_chunk_size=64, **kind)
            lake[f"{name}/chunk_of_empties"].extend(
                [np.ones(40, "f4"), *[None] * 20, np.ones(40, "f4"), None]
            )


def many_chunks(path: Path) -> None:
    """Chunks of a few samples each, of samples larger than a chunk too, in all compressions."""
    rng = np.random.default_rng(11)
    with new_lake(path) as lake:
        for name, kind in COMPRESSIONS.items():
            tensor = lake.create_tensor(f"varying/{name}", dtype="int32", max_chunk_size=1_000, **kind)
            for count in rng.integers(0, 300, 60):
                tensor.append(rng.integers(0, 1000, (int(count), 2)).astype(np.int32))
            tensor = lake.create_tensor(f"equal/{name}", dtype="int32", max_chunk_size=1_000, **kind)
            tensor.extend(rng.integers(0, 1000, (60, 5, 2)).astype(np.int32))
