"""Datasets of text, JSON, lists, tags and polygons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from support.array_datasets import COMPRESSIONS
from support.lake import new_lake

__all__ = ["polygons", "texts"]

TEXTS = ["a", "", "Zürich 東京 🦤", None, "x" * 300, "trailing zero\0", "\n"]
JSON = [{"a": 1}, {}, None, [1, [2]], {"array": np.arange(3), "bytes": b"\0\xff"}, "text", {"é": None}]
LISTS = [[1, 2], [], None, [[1, 2], [3, 4]], [[1], "a", {"b": None}], [np.ones(2)], [1.5, "x", float("inf")]]
TAGS = ["x", ["a", "b"], [], None, "é", ["c"], "x"]


def texts(path: Path) -> None:
    """All kinds of text and JSON that Deep Lake takes, compressed both ways; and text in many small chunks."""
    with new_lake(path) as lake:
        for name, kind in COMPRESSIONS.items():
            for htype, samples in (("text", TEXTS), ("json", JSON), ("list", LISTS), ("tag", TAGS)):
                lake.create_tensor(f"{name}/{htype}", htype=htype, **kind)
                lake[f"{name}/{htype}"].extend(samples)
            lake.create_tensor(f"{name}/schema", htype="json", dtype="int", **kind)
            lake[f"{name}/schema"].extend(list(range(7)))
            lake.create_tensor(f"{name}/many", htype="text", max_chunk_size=200, **kind)
            lake[f"{name}/many"].extend([str(number) * (number % 9) for number in range(60)])


def polygons(path: Path) -> None:
    """Polygons: none, one, several, of equal and of different lengths and axes; other dtypes; none at all."""
    square, line, solid = (np.arange(points * axes) / 4 for points, axes in ((4, 2), (3, 2), (5, 3)))
    square, line, solid = square.reshape(4, 2), line.reshape(3, 2), solid.reshape(5, 3)
    with new_lake(path) as lake:
        for name, kind in COMPRESSIONS.items():
            _add(lake, f"{name}/varying", kind, [[square], [line, square], [], None, [square, square]])
            _add(lake, f"{name}/empty_first", kind, [None, [], [line]])
            _add(lake, f"{name}/equal", kind, [[square], [square + 1], [square * 2]])
            _add(lake, f"{name}/integers", {**kind, "dtype": "int16"}, [[square * 4], [line * 4]])
            _add(lake, f"{name}/axes", kind, [[line], [solid]])
            _add(lake, f"{name}/nothing", kind, [[], None])


def _add(lake: Any, name: str, kind: dict[str, Any], samples: list[Any]) -> None:
    lake.create_tensor(name, htype="polygon", max_chunk_size=150, **kind)
    lake[name].extend(samples)
