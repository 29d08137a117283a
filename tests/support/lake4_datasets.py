"""Datasets of Deep Lake 4, written by its own package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from support.images import jpeg, picture, png

__all__ = ["MAKERS", "NUMBERS", "write"]

#: Every dtype of numbers that both Deep Lake 4 and numpy have.
NUMBERS = (
    *("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
    *("float16", "float32", "float64"),
)


def write(path: Path, columns: dict[str, Any], rows: Sequence[dict[str, Any]], message: str = "rows") -> None:
    """A dataset of these columns and rows."""
    import deeplake

    dataset = deeplake.create(str(path))
    for name, kind in columns.items():
        dataset.add_column(name, kind)
    dataset.commit("columns")
    for row in rows:
        dataset.append([row])
    dataset.commit(message)


def every_type(path: Path, count: int = 7) -> None:
    """A column of each type that can be loaded, ragged where it can be."""
    from deeplake import types

    columns = {
        "jpegs": types.Image(sample_compression="jpeg"),
        "pngs": types.Image(sample_compression="png"),
        "deep": types.Image(dtype="uint16", sample_compression="png"),
        "plain": types.Image(sample_compression="null"),
        "boxes": types.BoundingBox(dtype="float32", format="ltrb", bbox_type="fractional"),
        "undeclared": types.BoundingBox(),
        "label": types.ClassLabel("int32"),
        "labels": types.ClassLabel(types.Array("uint32", 1)),
        "segments": types.SegmentMask(),
        "segments_lz4": types.SegmentMask(dtype="uint16", sample_compression="lz4"),
        "masks": types.BinaryMask(),
        "masks_lz4": types.BinaryMask(sample_compression="lz4"),
        "polygons": types.Polygon(),
        "text": types.Text(),
        "record": types.Dict(),
        "raw": types.Bytes(),
        "embedding": types.Embedding(4),
        "points": types.Point(),
        "vector": types.Array("float64", 1),
        "matrix": types.Array("int16", [2, 3]),
        "any_rank": types.Array("uint8"),
        "a name with \u00fcml\u00e4uts": types.Int32(),
    }
    write(path, columns, [_row(number) for number in range(count)])


def _row(n: int) -> dict[str, Any]:
    rng = np.random.default_rng(n)
    height, width = 20 + n % 3, 31

    def boxes(count: int) -> npt.NDArray[np.float32]:
        return rng.random((count, 4), dtype=np.float32)

    triangle, square = rng.random((3, 2), dtype=np.float32), rng.random((4, 2), dtype=np.float32)
    return {
        "jpegs": jpeg(picture(height, width, 3, seed=n)),
        "pngs": png(picture(height, width, 1 if n == 2 else 3, seed=n)),
        "deep": png(picture(height, width, 0, seed=n).astype(np.uint16) * 257 + n),
        "plain": picture(height, width, 3, seed=n),
        "boxes": boxes(n % 4),
        "undeclared": boxes(2),
        "label": n,
        "labels": np.arange(n % 3, dtype=np.uint32),
        "segments": rng.integers(0, 9, (height, width), dtype=np.uint8),
        "segments_lz4": rng.integers(0, 999, (height, width), dtype=np.uint16),
        "masks": rng.random((height, width, n % 3 + 1)) > 0.5,
        "masks_lz4": rng.random((height, width, 2)) > 0.9,
        # Two with equally many points: Deep Lake makes one array of those.
        "polygons": [triangle, triangle + 1] if n % 2 else [triangle, square],
        "text": f"h\u00e9llo \u4e16\u754c {n}",
        "record": {"n": n, "list": [1, 2.5, "x"], "nested": {"\u00fc": True}},
        "raw": bytes([n]) * (n + 1),
        "embedding": rng.random(4, dtype=np.float32),
        "points": rng.random((n % 3 + 1, 2), dtype=np.float32),
        "vector": np.arange(n, dtype=np.float64),
        "matrix": np.full((2, 3), n, np.int16),
        "any_rank": rng.integers(0, 255, (n, 2), dtype=np.uint8),
        "a name with \u00fcml\u00e4uts": n,
    }


def every_number(path: Path) -> None:
    """A scalar and a vector of each dtype, with its extreme values."""
    from deeplake import types

    columns = {f"{dtype}_scalar": dtype for dtype in NUMBERS}
    columns |= {f"{dtype}_vector": types.Array(dtype, 1) for dtype in NUMBERS}
    rows = []
    for number in range(5):
        row: dict[str, Any] = {}
        for dtype in NUMBERS:
            kind = np.dtype(dtype)
            if kind.kind == "b":
                low, high = False, True
            else:
                limits: Any = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
                low, high = limits.min, limits.max
            row[f"{dtype}_scalar"] = np.array(high if number % 2 else low, kind)
            row[f"{dtype}_vector"] = np.array([low, high, 1, 0][: number % 4 + 1], kind)
        rows.append(row)
    write(path, columns, rows)


def equal_images(path: Path) -> None:
    """Twelve JPEGs of one size."""
    from deeplake import types

    write(
        path,
        {"jpegs": types.Image(sample_compression="jpeg"), "number": types.Int64()},
        [{"jpegs": jpeg(picture(24, 32, 3, seed=n)), "number": n} for n in range(12)],
    )


MAKERS = {"every_type": every_type, "every_number": every_number, "equal_images": equal_images}
