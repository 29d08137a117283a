"""However a program with worker processes ends, no process, no thread and nothing in /dev/shm is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.programs import run_by_itself, run_forked

PRELUDE = """
import faulthandler, gc, multiprocessing, os, signal, sys, threading, time
faulthandler.register(signal.SIGALRM, all_threads=True)
signal.alarm(40)
# What a shell starts in the background ignores it, and so would this.
signal.signal(signal.SIGINT, signal.default_int_handler)
import penstock

path = sys.argv[1]

def work(sample):
    time.sleep(0.01)
    return sample

def make(transform=work, **arguments):
    settings = dict(batch_size=2, seed=0, loader_type="c++", tensors=["jpegs"], transform=transform, num_workers=2)
    return penstock.DataLoader(path, **(settings | arguments))

def say_workers():
    print(*[child.pid for child in multiprocessing.active_children()], flush=True)

def assert_none_left():
    gc.collect()
    assert not multiprocessing.active_children()
    assert not [t.name for t in threading.enumerate() if t.name.startswith("penstock")]
"""

CASES = {
    "the_end": "list(make()); assert_none_left()",
    "break": """
        loader = make()
        for _ in range(5):
            for batch in loader:
                break
            del batch
        assert_none_left()
    """,
    "exception_in_the_loop": """
        try:
            for batch in make():
                raise ValueError("mine")
        except ValueError:
            pass
        assert_none_left()
    """,
    "dropped_persistent_loader": """
        loader = make(persistent_workers=True)
        next(iter(loader))
        assert len(multiprocessing.active_children()) == 2
        del loader
        assert_none_left()
    """,
    "closing_while_iterating": """
        loader = make()
        iterator = iter(loader)
        next(iterator)
        loader.close()
        assert_none_left()
        try:
            list(iterator)
        except penstock.errors.LoaderClosedError:
            pass
        else:
            raise AssertionError("it went on")
    """,
    "closing_from_another_thread": """
        loader = make(lambda sample: time.sleep(1))
        threading.Timer(0.5, loader.close).start()
        try:
            list(loader)
        except penstock.errors.LoaderClosedError:
            pass
        else:
            raise AssertionError("it went on")
    """,
    "exit_while_iterating": "iterator = iter(make()); next(iterator); say_workers()",
    "exit_with_idle_workers": "loader = make(persistent_workers=True); list(loader); say_workers()",
    "killed_while_iterating": "iterator = iter(make()); next(iterator); say_workers(); os.kill(os.getpid(), 9)",
    "killed_amid_a_transform": """
        iterator = iter(make(lambda sample: time.sleep(100)))
        threading.Thread(target=next, args=[iterator], daemon=True).start()
        time.sleep(1)
        say_workers()
        os.kill(os.getpid(), 9)
    """,
}


def program(tmp_path: Path, body: str) -> Path:
    script = tmp_path / "case.py"
    script.write_text(PRELUDE + textwrap.dedent(body))
    return script


def shared_files() -> set[str]:
    return {file.name for file in Path("/dev/shm").iterdir()}


def assert_gone(pids: list[int]) -> None:
    end = time.monotonic() + 10
    while alive := [pid for pid in pids if _runs(pid)]:
        assert time.monotonic() < end, alive
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("case", list(CASES))
def test_nothing_is_left(case: str, lake: Callable[[str], Path], native: Any, tmp_path: Path) -> None:
    before = shared_files()
    # What is said by workers that outlive their program is waited for by the former alone.
    run = run_by_itself if case.startswith(("exit", "killed")) else run_forked
    ended = run(program(tmp_path, CASES[case]), str(lake("equal_images")))
    assert ended.returncode == (-signal.SIGKILL if case.startswith("killed") else 0), ended.stderr
    assert "Traceback" not in ended.stderr, ended.stderr
    pids = [int(pid) for pid in ended.stdout.split()]
    assert len(pids) == (2 if "say_workers" in CASES[case] else 0)
    assert_gone(pids)
    # Other programs' files come and go; what torch, say, makes there has the number of its process in its name.
    ours = ("penstock", *map(str, [ended.pid, *pids]))
    assert not {name for name in shared_files() - before if any(part in name for part in ours)}


def test_ctrl_c(lake: Callable[[str], Path], native: Any, tmp_path: Path) -> None:
    body = """
        loader = make(persistent_workers=True)
        list(loader)
        say_workers()
        while True:
            list(loader)
    """
    command = [sys.executable, str(program(tmp_path, body)), str(lake("equal_images"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        time.sleep(0.3)
        for pid in (process.pid, *pids):
            os.kill(pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert errors.count("KeyboardInterrupt") == 1, errors
    assert len(pids) == 2
    assert_gone(pids)
