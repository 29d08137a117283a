"""Training steps: the loss that stock loading of the same samples gives, and the path of several ranks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

import penstock
from support.gpu_lakes import SIDES
from support.ranks import free_port
from support.require import PROJECT_ROOT, require

Lake = Callable[[str], Path]


def device_named(name: str) -> torch.device:
    device: torch.device = require("gpu") if name == "gpu" else torch.device("cpu")
    return device


@pytest.fixture(scope="session")
def detection_lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures with boxes: those that were carried here, else generated ones."""
    if written := os.environ.get("PENSTOCK_LAKES"):
        return Path(written) / "pictures"
    request.getfixturevalue("deeplake")
    from penstock.ingest import ingest_coco
    from support.generated_coco import write_generated_coco

    folder = tmp_path_factory.mktemp("detection")
    coco = write_generated_coco(folder / "coco")
    ingest_coco(coco / "annotations" / "instances_train2017.json", coco / "train2017", folder / "lake")
    return folder / "lake"


@pytest.mark.parametrize(("device", "size"), [("cpu", "small"), ("gpu", "full")])
def test_two_steps_of_a_detector_have_the_losses_of_stock_loading(
    device: str, size: str, detection_lake: Path, native: Any
) -> None:
    for module in ("torchvision", "cv2"):
        pytest.importorskip(module)
    kind = device_named(device).type
    program = str(PROJECT_ROOT / "benchmarks" / "gpu_contenders.py")
    losses = []
    for name in ("penstock c++", "torch + cv2"):
        words = [name, "detector", str(detection_lake), kind, "float32", "2", "2", "1", size]
        command = [sys.executable, "-W", "ignore", program, *words]
        done = subprocess.run(command, input="sums\n", capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        losses.append(json.loads(done.stdout))
    (first, second), (stock_first, stock_second) = losses
    assert first > 0
    assert first != second
    assert first == pytest.approx(stock_first, rel=1e-5)
    # A GPU adds gradients up in any order.
    assert second == pytest.approx(stock_second, rel=1e-2 if kind == "cuda" else 1e-5)


@contextmanager
def one_rank(backend: str) -> Iterator[None]:
    dist.init_process_group(backend, init_method=f"tcp://127.0.0.1:{free_port()}", world_size=1, rank=0)
    try:
        yield
    finally:
        dist.destroy_process_group()


Weights = list[torch.Tensor]


def trained(
    device: torch.device, path: Path, wrap: Callable[[torch.nn.Module], torch.nn.Module]
) -> tuple[Weights, Weights]:
    """The weights of a small model before and after an epoch."""
    torch.manual_seed(0)
    height, width = SIDES
    layers = (torch.nn.Conv2d(3, 4, 8, stride=8), torch.nn.Flatten(), torch.nn.Linear(height * width // 16, 32))
    model = wrap(torch.nn.Sequential(*layers).to(device))
    before = [weights.detach().cpu().clone() for weights in model.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    normalize = penstock.normalize_on(device, 0.5, 0.25, key="equal")
    pinned = device.type == "cuda"
    with penstock.DataLoader(
        path, 8, shuffle=True, seed=3, tensors=["equal", "labels"], loader_type="c++", pin_memory=pinned
    ) as loader:
        for batch in loader:
            assert not pinned or batch["equal"].is_pinned()
            labels = batch["labels"].to(device, torch.int64, non_blocking=True).flatten()
            loss = torch.nn.functional.cross_entropy(model(normalize(batch)["equal"].contiguous()), labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return before, [weights.detach().cpu() for weights in model.parameters()]


@pytest.mark.parametrize(("device", "backend"), [("cpu", "gloo"), ("gpu", "nccl")])
def test_one_rank_trains_as_none_does(device: str, backend: str, gpu_lake: Lake, native: Any) -> None:
    where = device_named(device)
    path = gpu_lake("large_images")
    before, alone = trained(where, path, lambda model: model)
    with one_rank(backend):
        numbers = [where.index] if where.type == "cuda" else None
        _, ranked = trained(where, path, lambda model: torch.nn.parallel.DistributedDataParallel(model, numbers))
    assert all(torch.allclose(one, other, rtol=1e-4, atol=1e-6) for one, other in zip(alone, ranked, strict=True))
    assert not all(torch.allclose(one, other, rtol=1e-3, atol=1e-4) for one, other in zip(alone, before, strict=True))
