"""However a program lets go of a loader, threads end, nothing hangs and nothing crashes.

Each case is a program of its own, run with a timeout; a hang prints the stacks of all threads.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PRELUDE = """
import faulthandler, gc, os, signal, sys, threading, time
# Not dump_traceback_later(): its timer thread would be missing in a forked child, and waited for there.
faulthandler.register(signal.SIGALRM, all_threads=True)
signal.alarm(40)
import penstock, torch

path, loader_type = sys.argv[1:]

def make(**arguments):
    settings = dict(batch_size=2, shuffle=True, seed=0, loader_type=loader_type, tensors=["jpegs"])
    return penstock.DataLoader(path, **(settings | arguments))

def native_threads():
    names = [open(f"/proc/self/task/{task}/comm").read() for task in os.listdir("/proc/self/task")]
    return sum(name.startswith("penstock") for name in names)
"""

CASES = {
    "early_break": """
        loader = make()
        for _ in range(200):
            for batch in loader:
                break
        assert len(list(loader)) == 6
    """,
    "dropped_iterator_and_loader": """
        for _ in range(30):
            iterator = iter(make())
            next(iterator)
            del iterator
        gc.collect()
        assert native_threads() == 0, native_threads()
    """,
    "iterator_outlives_loader": """
        loader = make()
        iterator = iter(loader)
        next(iterator)
        del loader
        gc.collect()
        assert len(list(iterator)) == 5
        del iterator
        gc.collect()
        assert native_threads() == 0, native_threads()
    """,
    "batches_outlive_loader": """
        loader = make()
        kept = [batch["jpegs"] for batch in loader]
        sums = [int(images.sum()) for images in kept]
        loader.close()
        del loader
        gc.collect()
        assert [int(images.sum()) for images in kept] == sums
    """,
    "interpreter_exit_while_iterating": """
        loader = make()
        iterator = iter(loader)
        next(iterator)
    """,
    "exit_from_within_the_loop": """
        for batch in make():
            sys.exit(0)
    """,
    "exception_in_the_loop": """
        for _ in range(50):
            try:
                for batch in make(num_threads=1):
                    raise ValueError("mine")
            except ValueError as error:
                assert str(error) == "mine"
        gc.collect()
        assert native_threads() == 0, native_threads()
    """,
    "closing_is_idempotent_and_final": """
        loader = make()
        iterator = iter(loader)
        next(iterator)
        loader.close()
        loader.close()
        if loader_type == "c++":
            for attempt in (lambda: list(iterator), lambda: list(loader)):
                try:
                    attempt()
                except penstock.errors.LoaderClosedError as error:
                    assert "closed" in str(error)
                else:
                    raise AssertionError("a closed loader went on")
            assert native_threads() == 0
    """,
    "thousands_of_iterations_leave_nothing": """
        loader = make()
        list(loader)
        before = native_threads(), len(os.listdir("/proc/self/fd")), threading.active_count()
        for _ in range(300):
            iterator = iter(loader)
            next(iterator)
            del iterator
        assert (native_threads(), len(os.listdir("/proc/self/fd")), threading.active_count()) == before
    """,
    "fork_before_and_after_the_first_batch": """
        for started in (False, True):
            loader = make()
            iterator = iter(loader)
            if started:
                next(iterator)
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                code = 0 if len(list(loader)) == 6 else 3
                del loader, iterator
                gc.collect()
                sys.exit(code)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            assert len(list(iterator)) == (5 if started else 6)
    """,
    "spawned_process_gets_the_loader": """
        import multiprocessing
        if __name__ == "__main__":
            loader = make()
            list(loader)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                assert pool.apply(len, (loader,)) == 6
    """,
    "many_loaders_at_once": """
        loaders = [make(seed=seed, num_threads=2) for seed in range(8)]
        for batches in zip(*loaders, strict=True):
            assert len(batches) == 8
    """,
    "used_from_several_threads": """
        loader = make()
        counts = []
        def consume():
            counts.append(sum(len(batch["jpegs"]) for batch in loader))
        threads = [threading.Thread(target=consume) for _ in range(6)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert counts == [12] * 6, counts
    """,
}


def program(tmp_path: Path, body: str) -> Path:
    script = tmp_path / "case.py"
    script.write_text(PRELUDE + textwrap.dedent(body))
    return script


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("case", list(CASES))
def test_leaving(
    case: str, loader_type: str, lake: Callable[[str], Path], native: Any, tmp_path: Path
) -> None:
    script = program(tmp_path, CASES[case])
    result = subprocess.run(
        [sys.executable, str(script), str(lake("equal_images")), loader_type],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr, result.stderr


STALLED = """
        # A chunk that never comes: opening a FIFO blocks the reading thread until somebody writes.
        loader = make(num_threads=1)
        iterator = iter(loader)
        print("waiting", flush=True)
        try:
            next(iterator)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            os._exit(0)
"""


def test_ctrl_c_is_answered_at_once(
    lake_copy: Callable[[str], Path], native: Any, tmp_path: Path
) -> None:
    path = lake_copy("equal_images")
    for chunk in (path / "jpegs" / "chunks").iterdir():
        chunk.unlink()
        import os

        os.mkfifo(chunk)
    script = program(tmp_path, STALLED)
    with subprocess.Popen(
        [sys.executable, str(script), str(path), "c++"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        time.sleep(1.0)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
        answered = time.monotonic() - start
    assert output == "interrupted\n", errors
    # Not a measurement: a waiting thread that only looks when a batch comes would never answer.
    assert answered < 5


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_ctrl_c_ends_a_program(
    loader_type: str, lake: Callable[[str], Path], native: Any, tmp_path: Path
) -> None:
    script = program(
        tmp_path,
        """
        loader = make()
        print("looping", flush=True)
        while True:
            for batch in loader:
                pass
        """,
    )
    with subprocess.Popen(
        [sys.executable, str(script), str(lake("equal_images")), loader_type],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "looping\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    assert process.returncode in (1, -signal.SIGINT, 130)
