"""A read that never returns: Ctrl-C ends the wait for it; closing, collecting and the interpreter's exit take no longer
than they take at most."""

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

import penstock
from support.leaving import PRELUDE as LEAVING
from support.native_core import PRELUDE
from support.programs import run_forked

#: The promise is a second; a machine under load is given some more.
MOST = 2.0

HANG = """
never = threading.Event()
hung = threading.Event()

def hang(*arguments, **keywords):
    hung.set()
    never.wait()

def interrupt(wait):
    def kill():
        hung.wait()
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)
    try:
        # Within: on a machine under load the signal may come before the wait does.
        threading.Thread(target=kill, daemon=True).start()
        wait()
    except KeyboardInterrupt:
        pass
    else:
        raise AssertionError("the wait ended by itself")

def timed(act):
    start = time.monotonic()
    act()
    print("took", time.monotonic() - start, flush=True)

"""

CORE = {
    "store": "ld = loader(Store(hang), io_threads=2); ep = start(ld); interrupt(ep.next)",
    "reader": "ld = loader(Store(), [read_source(hang)], io_threads=2); ep = start(ld); interrupt(ep.next)",
    "allocator": "ld = loader(Store(), allocate=hang); ep = start(ld); interrupt(ep.next)",
}
ENDS = {
    "close": "timed(ld.stop)",
    "collection": "del ep; timed(lambda: (globals().__delitem__('ld'), gc.collect()))",
    "exit": "",
    "close_twice": "timed(ld.stop); timed(ld.stop); timed(lambda: (globals().__delitem__('ld'), gc.collect()))",
}


def run(tmp_path: Path, program: str, *arguments: str) -> None:
    """Runs a program whose `timed` parts and whose handlers at exit may each take MOST seconds, and no more."""
    # Called after whatever else is at exit: what comes then frees modules, however many there are.
    last = "\nended = time.monotonic()\ndef at_the_very_end(): print('took', time.monotonic() - ended, flush=True)\n"
    script = tmp_path / "case.py"
    script.write_text(program + last)
    result = run_forked(script, *arguments)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines
    for line in lines:
        assert float(line.removeprefix("took ")) < MOST, result.stdout


@pytest.mark.parametrize("end", list(ENDS))
@pytest.mark.parametrize("hanging", list(CORE))
def test_of_the_core(hanging: str, end: str, native: Any, tmp_path: Path) -> None:
    run(tmp_path, PRELUDE + HANG + CORE[hanging] + "\n" + ENDS[end])


@pytest.mark.parametrize("end", ["timed(v.stop)", "timed(lambda: globals().__delitem__('v'))", ""])
def test_of_a_verifier(end: str, native: Any, tmp_path: Path) -> None:
    run(tmp_path, PRELUDE + HANG + "v = verifier(Store(hang)); interrupt(v.next)\n" + end)


def test_many_hung_loaders_do_not_add_up(native: Any, tmp_path: Path) -> None:
    body = """
        held = [loader(Store(hang), io_threads=1) for _ in range(8)]
        epochs = [start(one) for one in held]
        hung.wait()
    """
    run(tmp_path, PRELUDE + HANG + textwrap.dedent(body))


def test_a_read_that_returns_after_all_frees_what_it_used(native: Any, tmp_path: Path) -> None:
    body = """
        import weakref
        store = Store(hang)
        gone = weakref.ref(store)
        ld = loader(store); ep = start(ld); interrupt(ep.next)
        timed(ld.stop)
        del ld, ep, store
        gc.collect()
        assert gone() is not None and native_threads() > 0
        never.set()
        end = time.monotonic() + 20
        while (native_threads() or gone() is not None) and time.monotonic() < end:
            time.sleep(0.01)
        assert native_threads() == 0 and gone() is None
    """
    run(tmp_path, PRELUDE + HANG + textwrap.dedent(body))


LOADERS = {
    "plain": "make(num_threads=1)",
    "worker_processes": "make(num_workers=1, transform=identity)",
    "persistent_worker_processes": "make(num_workers=1, transform=identity, persistent_workers=True)",
    "python_part": "make(transform=identity)",
}


@pytest.mark.parametrize("end", ["", "timed(loader.close)", "del iterator; timed(loader.close)"])
@pytest.mark.parametrize("loader", list(LOADERS))
def test_of_a_loader(loader: str, end: str, lake: Callable[[str], Path], native: Any, tmp_path: Path) -> None:
    body = f"""
        def identity(sample): return sample

        import penstock.loading.native.loader as module
        module.native_store = lambda source: Store()
        class Store:
            def size(self, key): return os.path.getsize(os.path.join(path, key))
            def read(self, key, offset=0, length=None): hang()

        loader = {LOADERS[loader]}
        iterator = iter(loader)
        interrupt(lambda: next(iterator))
        {end}
    """
    run(tmp_path, LEAVING + HANG + textwrap.dedent(body), str(lake("equal_images")), "c++")


WORKERS = """
def hang_in_worker(sample):
    time.sleep(1000)

loader = make(num_workers=2, transform=hang_in_worker{more})
iterator = iter(loader)
threading.Timer(2.0, os.kill, [os.getpid(), signal.SIGINT]).start()
try:
    next(iterator)
except KeyboardInterrupt:
    pass
"""


@pytest.mark.parametrize("end", ["", "timed(loader.close)", "timed(lambda: globals().__delitem__('iterator'))"])
@pytest.mark.parametrize("more", ["", ", persistent_workers=True"])
@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_in_worker_processes(
    loader_type: str, more: str, end: str, lake: Callable[[str], Path], native: Any, tmp_path: Path
) -> None:
    program = LEAVING + HANG + WORKERS.format(more=more) + end
    run(tmp_path, program, str(lake("equal_images")), loader_type)


@pytest.mark.parametrize("kind", ["fifo", "directory"])
@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_what_stands_in_place_of_a_file_is_an_error(
    kind: str, loader_type: str, lake_copy: Callable[[str], Path], native: Any
) -> None:
    path = lake_copy("equal_images")
    for chunk in (path / "jpegs" / "chunks").iterdir():
        chunk.unlink()
        os.mkfifo(chunk) if kind == "fifo" else chunk.mkdir()
    with (
        penstock.DataLoader(path, 2, tensors=["jpegs"], loader_type=loader_type) as loader,
        pytest.raises(penstock.errors.StorageError) as caught,
    ):
        list(loader)
    assert caught.value.tensor == "jpegs"
    assert kind in str(caught.value).lower()


def test_ctrl_c_reaches_a_read_of_a_tensor(lake_copy: Callable[[str], Path], tmp_path: Path) -> None:
    path = lake_copy("equal_images")
    for chunk in (path / "jpegs" / "chunks").iterdir():
        chunk.unlink()
        os.mkfifo(chunk)
    script = tmp_path / "case.py"
    script.write_text(LEAVING + "print('waiting', flush=True)\npenstock.open(path)['jpegs'][0]\n")
    with subprocess.Popen(
        [sys.executable, str(script), str(path), "python"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        _, errors = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors or "StorageError" in errors
    assert time.monotonic() - start < MOST
