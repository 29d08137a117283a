"""The benchmark of the cache of coefficients runs, checks pixels, and writes what the documents quote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.nightly import nightly
from support.require import PROJECT_ROOT, require

BENCHMARKS = PROJECT_ROOT / "benchmarks"


@nightly
def test_it_measures_and_writes_its_results(coco_mini: Path, tmp_path: Path, deeplake: Any, native: Any) -> None:
    require("mmdet")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "ignore", *arguments]
        return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=550, check=False)

    made = run(str(BENCHMARKS / "make_coco.py"), str(coco_mini), str(tmp_path / "data"), "--times", "1")
    assert made.returncode == 0, made.stderr
    out = tmp_path / "coefficients.json"
    measured = run(str(BENCHMARKS / "coefficients.py"), str(tmp_path / "data"), "--rounds", "2", "--out", str(out))
    assert measured.returncode == 0, measured.stderr
    record = json.loads(out.read_text())
    assert 0.5 < record["setting"]["bytes_kept_per_jpeg_byte"] < 4
    assert len(record["results"]) == 15
    for name, result in record["results"].items():
        assert all(one["seconds"] > 0 for one in result["runs"]), name
