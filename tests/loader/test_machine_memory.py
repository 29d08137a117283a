"""How much memory a cache takes where nobody says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock import cores, machine_memory
from penstock.machine_memory import system_memory, usable_memory

MEMINFO = "MemTotal:       8000 kB\nMemFree:         100 kB\nMemAvailable:   6000 kB\n"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    monkeypatch.setattr(cores, "_GROUPS", tmp_path)
    monkeypatch.setattr(cores, "_MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(machine_memory, "_MEMINFO", tmp_path / "meminfo")
    (tmp_path / "meminfo").write_text(MEMINFO)


def limit(group: Path, most: str, taken: int, names: tuple[str, str] = ("memory.max", "memory.current")) -> None:
    group.mkdir(parents=True, exist_ok=True)
    (group / names[0]).write_text(f"{most}\n")
    (group / names[1]).write_text(f"{taken}\n")


def test_what_the_machine_has_left(tmp_path: Path) -> None:
    assert (system_memory("MemTotal"), system_memory("MemAvailable"), system_memory("Nothing")) == (
        *(8000 << 10, 6000 << 10),
        None,
    )
    limit(tmp_path, "max", 50)
    assert usable_memory() == 6000 << 10
    (tmp_path / "meminfo").unlink()
    assert system_memory("MemTotal") is None
    assert usable_memory() == 4 << 30


def test_the_tightest_of_the_groups_above_counts(tmp_path: Path) -> None:
    (tmp_path / "membership").write_text("0::/work/job\n")
    limit(tmp_path / "work", "3000000", 1000000)
    limit(tmp_path / "work" / "job", "max", 900000)
    assert usable_memory() == 2000000
    limit(tmp_path / "work" / "job", "1000000", 900000)
    assert usable_memory() == 100000
    limit(tmp_path / "work" / "job", "1000000", 1000001)
    assert usable_memory() == 0


def test_groups_of_version_1_and_ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "membership").write_text("5:cpu,cpuacct:/elsewhere\n4:memory:/job\n")
    limit(tmp_path / "memory" / "job", "5000000", 1000000, ("memory.limit_in_bytes", "memory.usage_in_bytes"))
    limit(tmp_path / "memory" / "elsewhere", "10", 1, ("memory.limit_in_bytes", "memory.usage_in_bytes"))
    assert usable_memory() == 4000000
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert usable_memory() == 1000000
