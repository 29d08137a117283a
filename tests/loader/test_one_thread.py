"""Libraries in worker processes have one thread each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import penstock
from support.programs import run_by_itself

PROGRAM = """
import sys
import cv2, numpy, torch
import penstock

def transform(sample):
    image = cv2.resize(sample["jpegs"], (900, 700))
    return {"mean": float(cv2.GaussianBlur(image, (31, 31), 0).mean()), "opencv": cv2.getNumThreads()}

if __name__ == "__main__":
    cv2.setNumThreads(4)
    image = numpy.random.default_rng(0).integers(0, 255, (900, 700, 3), numpy.uint8)
    for _ in range(20):
        cv2.GaussianBlur(image, (31, 31), 0)  # in the threads of its pool, which wait for more from now on
    with penstock.DataLoader(
        sys.argv[1], 2, tensors=["jpegs"], transform=transform, loader_type=sys.argv[2], num_workers=2,
        multiprocessing_context="fork",
    ) as loader:
        print({number for batch in loader for number in batch["opencv"].tolist()})
"""


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


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_workers_wait_for_no_threads_of_their_parents_opencv(
    loader_type: str, lake: Callable[[str], Path], tmp_path: Path, native: Any
) -> None:
    pytest.importorskip("cv2")
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    ended = run_by_itself(script, str(lake("equal_images")), loader_type, seconds=120)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["{1}"]
