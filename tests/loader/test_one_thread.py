"""Libraries in worker processes have one thread each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import penstock


def threads(sample: dict[str, Any]) -> dict[str, Any]:
    """How many threads the libraries have here. OpenCV is imported by the first sample."""
    import cv2

    return {"torch": torch.get_num_threads(), "opencv": cv2.getNumThreads()}


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_torch_and_opencv_have_one_thread_in_workers(
    loader_type: str, lake: Callable[[str], Path], native: Any
) -> None:
    cv2 = pytest.importorskip("cv2")
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(3)
    cv2.setNumThreads(3)
    try:
        with penstock.DataLoader(
            lake("equal_images"), 2, tensors=["jpegs"], transform=threads, loader_type=loader_type, num_workers=1
        ) as loader:
            batches = list(loader)
        assert torch.get_num_threads() == 3
        assert cv2.getNumThreads() == 3
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])
    for batch in batches:
        assert batch["torch"].tolist() == [1] * len(batch["torch"])
        assert batch["opencv"].tolist() == [1] * len(batch["opencv"])
