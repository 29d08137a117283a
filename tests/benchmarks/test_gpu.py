"""The benchmark of GPUs runs up to where a GPU is needed, says what it has left out, and makes tables of the rest."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.generated_coco import write_generated_coco
from support.nightly import nightly
from support.require import PROJECT_ROOT

BENCHMARKS = PROJECT_ROOT / "benchmarks"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", str(BENCHMARKS / "gpu.py"), *arguments]
    return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=290)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, deeplake: Any, native: Any) -> Path:
    """What ``tools/gpu-check --pack`` writes, of generated pictures."""
    from penstock.ingest import ingest_coco

    folder = tmp_path_factory.mktemp("data")
    coco = write_generated_coco(folder / "coco")
    pictures = coco / "train2017"
    ingest_coco(coco / "annotations" / "instances_train2017.json", pictures, folder / "pictures")
    program = (
        f"import sys; sys.path.insert(0, {str(BENCHMARKS)!r}); from pathlib import Path; from image_output import *; "
        f"write_images(sorted(Path({str(pictures)!r}).glob('*.jpg')), Path({str(folder / 'squares')!r}), 64)"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, timeout=200, capture_output=True)
    return folder


def test_a_stage_that_needs_a_gpu_says_so_and_the_others_run(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    done = run(str(data), "--device", "cpu", "--quick", "--stages", "copies", "normalizing", "--out", str(out))
    assert done.returncode == 0, done.stderr
    record = json.loads(out.read_text())
    assert record["results"]["copies"]["skipped"] == "no GPU"
    found = record["results"]["normalizing"]["results"]
    assert found["batch"] == [32, 320, 320, 3]
    assert min(found["milliseconds"].values()) > 0
    tables = out.with_suffix(".md").read_text()
    assert "A trial on small models: no figures to quote." in tables
    assert "- copies: skipped: no GPU" in tables
    assert "| bytes, normalised on the host |" in tables


def test_what_would_pass_the_budget_is_left_out(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    done = run(str(data), "--device", "cpu", "--quick", "--budget", "10", "--stages", "detector", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert json.loads(out.read_text())["results"]["detector"]["skipped"].endswith("s were left, and it may take 150")


def test_a_folder_without_datasets_is_refused(tmp_path: Path) -> None:
    done = run(str(tmp_path), "--device", "cpu")
    assert done.returncode == 2
    assert f"{tmp_path} has no dataset pictures: tools/gpu-check --pack writes it" in done.stderr


@nightly
def test_all_stages_that_need_no_gpu(data: Path, tmp_path: Path) -> None:
    for module in ("cv2", "torchvision"):
        pytest.importorskip(module)
    out = tmp_path / "gpu.json"
    done = run(str(data), "--device", "cpu", "--quick", "--out", str(out))
    assert done.returncode == 0, done.stderr
    results = json.loads(out.read_text())["results"]
    assert results.pop("copies")["skipped"] == "no GPU"
    assert set(results) == {"detector", "classifier", "normalizing", "scaling"}
    for precision in ("float32", "bfloat16"):
        found = results["detector"]["results"][precision]
        ours, stock = found["losses"].values()
        assert ours[0] == pytest.approx(stock[0], rel=1e-5)
        for loader in ("penstock c++", "torch + cv2"):
            assert 0 < found[loader]["waiting_share"][0] < 1
    assert "| Faster R-CNN MobileNetV3-FPN |" in out.with_suffix(".md").read_text()
    assert set(results["scaling"]["results"]["1"]) >= {"batches of 4", "batches of 8", "batches of 32"}
