"""How many threads are started where nobody says it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from penstock import cores


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    monkeypatch.setattr(cores, "_GROUPS", tmp_path)
    monkeypatch.setattr(cores, "_MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(cores, "_warned", False)


def test_as_many_as_the_process_may_run_on() -> None:
    assert cores.usable_cores() == 8


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("400000 100000", 4),
        ("150000 100000", 1),
        ("50000 100000", 1),
        ("max 100000", 8),
        ("", 8),
        ("9900000 100000", 8),
    ],
)
def test_quota_of_version_2(tmp_path: Path, text: str, expected: int) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert cores.usable_cores() == expected


@pytest.mark.parametrize(("quota", "expected"), [("300000", 3), ("-1", 8)])
def test_quota_of_version_1(tmp_path: Path, quota: str, expected: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cores.usable_cores() == expected


@pytest.mark.parametrize(
    ("limits", "expected"), [({"a": 3}, 3), ({"a/b": 2}, 2), ({"a": 2, "a/b": 5}, 2), ({"a/b/c": 1}, 8), ({"x": 1}, 8)]
)
def test_the_groups_above_the_process_count(tmp_path: Path, limits: dict[str, int], expected: int) -> None:
    (tmp_path / "membership").write_text("0::/a/b\n")
    for group, limit in limits.items():
        (tmp_path / group).mkdir(parents=True, exist_ok=True)
        (tmp_path / group / "cpu.max").write_text(f"{limit}00000 100000")
    assert cores.usable_cores() == expected


def test_a_group_of_version_1(tmp_path: Path) -> None:
    (tmp_path / "membership").write_text("9:memory:/m\n4:cpu,cpuacct:/box/7\n1:name=systemd:/\n")
    group = tmp_path / "cpu" / "box" / "7"
    group.mkdir(parents=True)
    (group / "cpu.cfs_quota_us").write_text("200000")
    (group / "cpu.cfs_period_us").write_text("100000")
    assert cores.usable_cores() == 2


def test_a_membership_that_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "membership").write_text("nothing of the kind\n")
    assert cores.usable_cores() == 8


@pytest.mark.parametrize(
    ("threads", "workers", "ranks", "words"),
    [
        (9, 0, "1", "9 decoding threads are more than the 8 cores that this process may use: they"),
        (8, 9, "", "9 worker processes are more than the 8 cores"),
        (5, 0, "2", "more than the 4 cores that this process may use, of 2 that share the machine"),
        (2, 0, "8", "2 decoding threads are more than the 1 core that"),
        (8, 8, "", None),
        (1, 1, "16", None),
    ],
)
def test_one_warning_of_too_many(
    threads: int,
    workers: int,
    ranks: str,
    words: str | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", ranks)
    for _ in range(3):
        cores.warn_of_too_many(threads, workers)
    said = [record.message for record in caplog.records]
    assert len(said) == (words is not None)
    assert words is None or words in said[0]


@pytest.mark.parametrize(("processes", "expected"), [("4", 2), ("16", 1), ("", 8), ("x", 8), ("0", 8)])
def test_ranks_of_one_machine_share(monkeypatch: pytest.MonkeyPatch, processes: str, expected: int) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
    assert cores.usable_cores() == expected


def test_systems_that_bind_no_process_to_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert cores.usable_cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores.usable_cores() == 1


# torch, which comes first, asks which system it runs on.
PROGRAM = """
import os, signal, sys
import torch
for name in ("sched_getaffinity", "memfd_create", "register_at_fork", "fork"):
    if hasattr(os, name):
        delattr(os, name)
for module in ("fcntl", "resource"):
    sys.modules[module] = None
sys.modules["penstock._core"] = None
import penstock
from penstock.loading.options import default_threads
assert not penstock.HAVE_NATIVE
assert default_threads(None, 0) >= 1
"""


def test_the_python_loader_needs_nothing_of_linux() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=120)
