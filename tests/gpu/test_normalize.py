"""``penstock.normalize_on`` on a GPU: torchvision's formula there to the bit, and the CPU's within a stated bound."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import penstock

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
#: A GPU may multiply by the reciprocal of 255 where a CPU divides: what is divided, at most 1, then differs by two
#: roundings at most; the subtraction and the division by the smallest STD round once more each, of values below 4.
FLOAT32 = 2 * 2**-23 / min(STD) + 2 * 2**-22
#: Half a step of the narrower type, as a share of the value.
ROUNDING = {torch.float32: 0.0, torch.float16: 2**-11, torch.bfloat16: 2**-8}


def every_value() -> torch.Tensor:
    """uint8 [2, 32, 48, 3] with all values in each channel."""
    values = torch.arange(2 * 32 * 48 * 3).remainder(256).to(torch.uint8)
    return values.view(2, 3, 32, 48).permute(0, 2, 3, 1).contiguous()


@pytest.mark.parametrize("dtype", list(ROUNDING))
@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
def test_the_device_gives_what_the_cpu_gives(layout: str, dtype: torch.dtype, gpu: torch.device) -> None:
    rows = every_value()
    images = rows if layout == "nhwc" else rows.permute(0, 3, 1, 2).contiguous()
    there = penstock.normalize_on(gpu, MEAN, STD, layout=layout, dtype=dtype)(images.pin_memory())  # type: ignore[arg-type]
    here = penstock.normalize_on("cpu", MEAN, STD, layout=layout)(images)  # type: ignore[arg-type]
    assert there.device == gpu
    assert there.dtype == dtype
    assert there.shape == here.shape == (2, 3, 32, 48)
    assert there.is_contiguous(memory_format=torch.channels_last) == (layout == "nhwc")
    difference = (there.cpu().to(torch.float64) - here.to(torch.float64)).abs()
    assert (difference <= FLOAT32 + (here.abs() + FLOAT32) * ROUNDING[dtype]).all(), difference.max()
    mean, std = (torch.tensor(numbers, device=gpu).view(3, 1, 1) for numbers in (MEAN, STD))
    planes = rows.permute(0, 3, 1, 2).to(gpu)
    assert torch.equal(there, planes.to(torch.float32).div(255).sub(mean).div(std).to(dtype))


def test_a_batch_of_the_loader_is_copied_while_the_program_goes_on(
    gpu: torch.device, gpu_lake: Callable[[str], Path]
) -> None:
    normalize = penstock.normalize_on(gpu, MEAN, STD, key="equal")
    options = {"tensors": ["equal"], "loader_type": "c++"}
    path = gpu_lake("large_images")
    with penstock.DataLoader(path, 8, pin_memory=True, **options) as loader:  # type: ignore[arg-type]
        batches = list(loader)
        # What the first calls alone do would wait for the device: mean and std are copied, and memory is allocated.
        warm = [normalize(batch) for batch in batches]
        torch.cuda.synchronize()
        del warm
        torch.cuda._sleep(1_000_000_000)
        results = [normalize(batch)["equal"] for batch in batches]
        assert not torch.cuda.current_stream().query(), "the program waited for the device"
        torch.cuda.synchronize()
    with penstock.DataLoader(path, 8, **options) as loader:  # type: ignore[arg-type]
        wanted = [normalize(batch)["equal"] for batch in loader]
    assert all(torch.equal(one, other) for one, other in zip(results, wanted, strict=True))
