"""The figures of an order are those that one counts by hand, and the document quotes those of the committed run."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from support.require import PROJECT_ROOT

BENCHMARKS = PROJECT_ROOT / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from shuffle_quality import figures, least_reads, shares  # noqa: E402


@pytest.mark.parametrize(
    ("visits", "room", "reads"),
    [
        ([0, 0, 1, 1, 0], 1, 3),
        ([0, 0, 1, 1, 0], 2, 2),
        # With room for two it is chunk 1 that has to go for 2, since 0 is needed before.
        ([0, 1, 2, 0, 1], 2, 4),
        ([0, 1, 2, 3, 0, 1, 2, 3], 3, 5),
    ],
)
def test_least_reads(visits: list[int], room: int, reads: int) -> None:
    assert least_reads(np.array(visits), room) == reads


def test_figures() -> None:
    numbers = np.array([0, 0, 1, 1, 2, 2])
    assert shares(numbers, 3).tolist() == [2 / 3, 2 / 3]
    straight = figures([np.arange(6)], numbers, 3, expected=2.0)
    assert straight == {
        "one_chunk_mean": 2 / 3, "one_chunk_worst": 2 / 3, "displacement": 0.0,
        "neighbours_adjacent": 1.0, "neighbours_in_batch": 4 / 5,
    }  # fmt: skip
    mixed = np.array([0, 2, 4, 1, 3, 5])
    found = figures([mixed], numbers, 3, expected=2.0)
    assert found["one_chunk_mean"] == 1 / 3
    assert found["displacement"] == pytest.approx((0 + 2 + 1 + 1 + 2 + 0) / 6 / 2)
    assert found["neighbours_adjacent"] == sum(abs(a - b) == 1 for a, b in pairwise(mixed.tolist())) / 5
    assert found["neighbours_in_batch"] == 0


def test_it_runs_and_writes_its_results(tmp_path: Path) -> None:
    out = tmp_path / "quality.json"
    options = ("--samples", "700", "--per-chunk", "9", "--batch-size", "4", "--epochs", "2", "--out", str(out))
    command = [sys.executable, "-W", "ignore", str(BENCHMARKS / "shuffle_quality.py"), *options]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    results = json.loads(out.read_text())["results"]
    assert list(results) == ["1", "4", "8", "16", "32", "64", "full"]
    shares_of_windows = [results[name]["one_chunk_mean"] for name in results]
    assert shares_of_windows == sorted(shares_of_windows, reverse=True)
    assert all(results[name]["chunk_reads"] == 1 for name in results if name != "full")
    assert results["full"]["chunk_reads"] > 3


def test_the_document_quotes_the_committed_run() -> None:
    record = json.loads((BENCHMARKS / "results" / "shuffle_quality.json").read_text())
    text = (PROJECT_ROOT / "docs" / "explanation" / "shuffling.md").read_text()
    assert record["command"] in text
    for name, found in record["results"].items():
        row = f"| {name} | {found['one_chunk_mean']:.1%} | {found['one_chunk_worst']:.1%} |"
        row += f" {found['displacement']:.3f} | {found['neighbours_adjacent']:.2%} |"
        row += f" {found['neighbours_in_batch']:.2%} | {found['chunk_reads']:.1f} |"
        row += f" {found['chunk_reads_8_ranks']:.2f} |"
        assert row in text
