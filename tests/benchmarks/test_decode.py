"""The decoding benchmark runs, checks the contenders against each other, and writes what the README quotes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.images import jpeg, picture
from support.require import PROJECT_ROOT

BENCHMARKS = PROJECT_ROOT / "benchmarks"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", *arguments], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=280
    )


def test_it_measures_and_writes_its_results(tmp_path: Path, deeplake: Any, native: Any) -> None:
    pytest.importorskip("cv2")
    images = tmp_path / "images"
    images.mkdir()
    for number in range(3):
        (images / f"{number}.jpg").write_bytes(jpeg(picture(40 + number, 60, 3, seed=number)))
    dataset, out = tmp_path / "dataset", tmp_path / "decode.json"
    made = run(str(BENCHMARKS / "make_dataset.py"), str(images), str(dataset), "--repeat", "4")
    assert made.returncode == 0, made.stderr
    measured = run(str(BENCHMARKS / "decode.py"), str(dataset), "--rounds", "2", "--out", str(out))
    assert measured.returncode == 0, measured.stderr
    record = json.loads(out.read_text())
    assert record["setting"]["images"] == 12
    names = {"libjpeg-turbo alone", "penstock c++", "penstock python", "deeplake python", "torch + cv2"}
    assert names <= set(record["results"])
    for name, result in record["results"].items():
        assert [run["samples"] for run in result["runs"]] == [12, 12], name
        assert all(run["seconds"] > 0 for run in result["runs"]), name
        assert name in measured.stdout
