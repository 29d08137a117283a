"""The benchmark against Deep Lake 4's own readers runs, and checks the contenders against each other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.images import jpeg, picture
from support.require import PROJECT_ROOT


def test_it_measures_and_writes_its_results(tmp_path: Path, deeplake4: Any, native: Any) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for number in range(3):
        (images / f"{number}.jpg").write_bytes(jpeg(picture(40 + number, 60, 3, seed=number)))
    out = tmp_path / "lake4.json"
    script = str(PROJECT_ROOT / "benchmarks" / "lake4.py")
    command = [sys.executable, "-W", "ignore", script, str(images), "--rounds", "2", "--out", str(out)]
    result = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=200)
    assert result.returncode == 0, result.stderr
    record = json.loads(out.read_text())
    assert record["setting"]["images"] == 6
    assert {"penstock c++", "penstock python", "deeplake column[[i, ...]]"} <= set(record["results"])
    for name, figures in record["results"].items():
        assert [run["samples"] for run in figures["runs"]] == [6, 6], name
