"""Datasets that releases of deeplake wrote (tests/data/golden), and what those releases read of them.

Nothing here needs deeplake. ``tests/data/golden/write.py`` wrote them.
"""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from support.require import PROJECT_ROOT

__all__ = ["GOLDEN", "RELEASES", "Expected"]

GOLDEN = PROJECT_ROOT / "tests" / "data" / "golden"
RELEASES = ["3.0.18", "3.2.22", "3.4.4", "3.6.26", "3.8.28", "3.9.52"]


@dataclass
class Expected:
    """What a release reads.

    Attributes:
        path: The dataset.
        about: The release and what it ran with.
        states: Commit or branch -> its id, branch, info, class names, and samples by tensor.
        views: Saved view -> samples by tensor.
    """

    path: Path
    about: dict[str, str]
    states: dict[str, dict[str, Any]]
    views: dict[str, dict[str, list[Any]]]

    @classmethod
    def of(cls, release: str, path: Path) -> Expected:
        """Unpacks the release's dataset to ``path``."""
        folder = GOLDEN / release
        with tarfile.open(folder / "dataset.tar.xz") as archive:
            archive.extractall(path, filter="data")
        with np.load(folder / "expected.npz") as arrays:
            data = arrays["data"]
        expected = json.loads((folder / "expected.json").read_text("utf-8"))
        states = {
            address: {**state, "tensors": _tensors(state["tensors"], data)}
            for address, state in expected["states"].items()
        }
        views = {view: _tensors(tensors, data) for view, tensors in expected["views"].items()}
        return cls(path, json.loads((folder / "about.json").read_text()), states, views)


def _tensors(tensors: dict[str, list[Any]], data: npt.NDArray[np.uint8]) -> dict[str, list[Any]]:
    return {name: [_sample(sample, data) for sample in samples] for name, samples in tensors.items()}


def _sample(sample: dict[str, Any], data: npt.NDArray[np.uint8]) -> Any:
    if "list" in sample:
        return [_sample(part, data) for part in sample["list"]]
    if "objects" in sample:
        values = np.empty(len(sample["objects"]), dtype=object)
        values[:] = sample["objects"]
        return values.reshape(sample["shape"])
    offset, dtype, shape = sample["array"]
    kind = np.dtype(dtype)
    count = int(np.prod(shape))
    return np.frombuffer(data.tobytes(), kind, count, offset).reshape(shape)
