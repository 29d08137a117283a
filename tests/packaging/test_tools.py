"""The scripts behind the Makefile, and setup.py."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.require import PROJECT_ROOT

STEP = PROJECT_ROOT / "tools" / "step.sh"


def step(log: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(STEP), str(log), "A title", *command], capture_output=True, text=True, timeout=60)


def test_a_step_that_works_is_quiet(tmp_path: Path) -> None:
    result = step(tmp_path / "logs" / "x.log", "echo", "chatter")
    assert result.returncode == 0
    assert re.fullmatch(r"==> A title\n +done in \d+ s\n", result.stdout)
    assert result.stderr == ""
    assert (tmp_path / "logs" / "x.log").read_text() == "chatter\n"


def test_a_step_that_fails_says_why(tmp_path: Path) -> None:
    result = step(tmp_path / "x.log", "sh", "-c", "seq 100; echo the reason >&2; exit 7")
    assert result.returncode == 7
    said = result.stderr.splitlines()
    assert "the reason" in said
    assert "1" not in said, "the end of the output is enough"
    assert str(tmp_path / "x.log") in said[-1]


def test_an_interrupted_step_ends_all_that_it_started(tmp_path: Path) -> None:
    child = "import subprocess, sys, time; print(subprocess.Popen(['sleep', '300']).pid, flush=True); time.sleep(300)"
    log = tmp_path / "x.log"
    running = subprocess.Popen([str(STEP), str(log), "A title", sys.executable, "-c", child])
    deadline = time.monotonic() + 30
    while not (log.exists() and log.read_text().endswith("\n")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=30) == 130
    grandchild = int(log.read_text())
    while _is_alive(grandchild):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_alive(process: int) -> bool:
    try:
        # A zombie that nobody waits for is not alive.
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_nothing_is_installed_where_nothing_is_missing(tmp_path: Path) -> None:
    """With a dpkg-query that knows every package, apt-get is not called; with one that knows none, it is."""
    for state, calls in (("installed", 0), ("not-installed", 1)):
        folder = tmp_path / state
        shutil.copytree(PROJECT_ROOT / "tools", folder / "tools")
        _script(folder / "dpkg-query", f"echo {state}")
        _script(folder / "apt-get", f'echo "$@" >> {folder}/calls')
        _script(folder / "sudo", 'while [ "${1#-}" != "$1" ]; do shift; done; [ $# = 0 ] || exec "$@"')
        environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
        command = [str(folder / "tools" / "system-packages.sh"), sys.executable]
        subprocess.run(command, env=environment, check=True, timeout=60, capture_output=True)
        called = (folder / "calls").read_text().splitlines() if (folder / "calls").exists() else []
        assert len(called) == calls
        for line in called:
            assert line.startswith("install --yes")
            assert {"build-essential", "cmake", "libjpeg-dev", "libpng-dev", "liblz4-dev"} <= set(line.split())


def _script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("arguments", [[], ["fly"], ["bdist_wheel", "--universal"]])
def test_setup_py_says_what_it_can_do(arguments: list[str]) -> None:
    result = subprocess.run(
        [sys.executable, str(PROJECT_ROOT / "setup.py"), *arguments], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 2
    assert "bdist_wheel" in result.stderr


def test_setup_py_is_a_shim() -> None:
    assert len((PROJECT_ROOT / "setup.py").read_text().splitlines()) <= 40
