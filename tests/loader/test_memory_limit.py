"""``memory_limit`` bounds what a loader holds, by the resident memory of a process that does nothing else."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import penstock
from support.images import jpeg, picture
from support.lake import encoded, new_lake
from support.programs import run_by_itself

#: Of a batch of 12 images.
BATCH = 12 * 800 * 1333 * 3

PROGRAM = """
import json, sys, time
import torch
import penstock

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmRSS"))

path, limit = sys.argv[1], json.loads(sys.argv[2])
order = [index % 6 for index in range(12 * 25)]
loader = penstock.DataLoader(
    path, 12, sampler=order, loader_type="c++", num_threads=2, prefetch_factor=8, memory_limit=limit
)
# Code, stacks, what a decoder keeps: the first images are on their way to nowhere.
warm = penstock.DataLoader(path, 1, sampler=[0, 1, 2, 3], loader_type="c++", num_threads=2)
for batch in warm:
    pass
del batch
warm.close()
before = resident()
most = 0
for number, batch in enumerate(loader):
    time.sleep(0.05 if number % 5 else 0.3)  # batches that wait for the consumer take memory
    most = max(most, resident() - before)
print(json.dumps({"most": most, "memory": loader._engine._core.memory()}))
"""


@pytest.fixture(scope="module")
def large_images(tmp_path_factory: pytest.TempPathFactory, deeplake: Any) -> Path:
    path = tmp_path_factory.mktemp("large") / "lake"
    with new_lake(path) as lake:
        lake.create_tensor("images", htype="image", sample_compression="jpeg")
        for number in range(6):
            lake.images.append(encoded(jpeg(picture(800, 1333, 3, seed=number)), "jpeg"))
    return path


def measured(path: Path, limit: int | str | None, tmp_path: Path) -> dict[str, Any]:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    ended = run_by_itself(script, str(path), json.dumps(limit), seconds=180)
    assert ended.returncode == 0, ended.stderr
    result: dict[str, Any] = json.loads(ended.stdout)
    return result


@pytest.mark.parametrize("batches", [3, 5])
def test_resident_memory_stays_within_a_tenth_of_it(
    batches: int, large_images: Path, native: Any, tmp_path: Path
) -> None:
    limit = batches * BATCH * 8 // 5
    result = measured(large_images, limit, tmp_path)
    assert result["most"] <= 1.1 * limit
    held, most, exceeded = result["memory"]
    assert most <= limit
    assert exceeded == 0
    assert held <= most


def test_without_it_memory_is_what_prefetch_asks_for(large_images: Path, native: Any, tmp_path: Path) -> None:
    """Or the test above would prove nothing."""
    assert measured(large_images, None, tmp_path)["most"] > 9 * BATCH


def test_batches_are_the_same(large_images: Path, native: Any, caplog: pytest.LogCaptureFixture) -> None:
    arguments: dict[str, Any] = {"shuffle": True, "seed": 3, "loader_type": "c++", "num_threads": 2}
    caplog.set_level(logging.WARNING, logger="penstock")
    with (
        penstock.DataLoader(large_images, 2, **arguments) as free,
        penstock.DataLoader(large_images, 2, memory_limit="1KB", prefetch_factor=3, **arguments) as tight,
    ):
        for _ in range(2):
            for one, other in zip(free, tight, strict=True):
                assert torch.equal(one["images"], other["images"])
    said = [record.message for record in caplog.records if "memory_limit" in record.message]
    assert len(said) == 1, said
    assert "memory_limit=1000 is exceeded by" in said[0]


@pytest.mark.parametrize(
    ("limit", "error", "words"),
    [
        (0, ValueError, "memory_limit must be at least 1"),
        (True, TypeError, "memory_limit must be a number of bytes"),
        (1.5, TypeError, "memory_limit must be a number of bytes"),
        ("much", ValueError, "memory_limit must be a number of bytes, or text such as '50GB'"),
    ],
)
def test_what_is_no_size_is_refused(
    limit: Any, error: type[Exception], words: str, lake: Callable[[str], Path]
) -> None:
    with pytest.raises(error, match=words):
        penstock.DataLoader(lake("equal_images"), memory_limit=limit)
