"""What one process of benchmarks/reliability.py does with one loader.

    python benchmarks/reliability_actions.py NAME DATA [MORE_PACKAGES]

answers a line on standard input, the name of a function here and its arguments in JSON, by a line of JSON.
MORE_PACKAGES is a folder of packages that are looked up after this environment's own.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import functools
import gc
import json
import math
import multiprocessing
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__" and len(sys.argv) > 3:
    sys.path.append(sys.argv[3])

import numpy as np

from reliability_contenders import batches, close, draws, indices, make

Make = Callable[..., Any]


class Mine(Exception):
    """What a consumer raises."""


def leave(load: Make, how: str, kind: str, times: int, seconds: float) -> list[float]:
    """Milliseconds that leaving an iteration takes, in a process that goes on: so many times, or as many as the seconds
    allow.

    Raises:
        RuntimeError: Threads or processes are left without the garbage collector.
    """
    found = []
    before = _helpers()
    for _ in _within(times, seconds):
        loader = load(kind=kind)
        iterator = iter(loader)
        for _ in range(2):
            next(iterator)
        # Until all is full, or stands still.
        time.sleep(0.5 if kind == "stalled" else 0.05)
        act = functools.partial(_WAYS[how], [iterator], [loader])
        del iterator, loader
        found.append(_seconds(act) * 1000)
        del act
        # What is stalled ends soon after.
        end = time.monotonic() + 10
        while how in ("del", "close twice") and _helpers() > before and time.monotonic() < end:
            time.sleep(0.01)
        if how in ("del", "close twice") and _helpers() > before:
            raise RuntimeError(f"{_helpers() - before} threads or processes are left")
        gc.collect()
    return found


def _within(times: int, seconds: float) -> Iterator[int]:
    """Counts up to ``times``, and begins nothing after so many seconds."""
    start = time.monotonic()
    for number in range(times):
        if number and time.monotonic() - start > seconds:
            return
        yield number


def _helpers() -> int:
    """Threads and children of this process."""
    return _count("/proc/self/task") + len(multiprocessing.active_children())


def _seconds(act: Callable[[], None]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def _by_break(iterator: list[Any], loader: list[Any]) -> None:
    iterator.clear()


def _by_del(iterator: list[Any], loader: list[Any]) -> None:
    loader.clear()
    iterator.clear()


def _by_exception(iterator: list[Any], loader: list[Any]) -> None:
    def use(own: Any) -> None:
        raise Mine

    with contextlib.suppress(Mine):
        use(iterator.pop())


def _by_close_twice(iterator: list[Any], loader: list[Any]) -> None:
    loader[0].close()
    loader[0].close()


#: Each is given the only references to an iterator and a loader.
_WAYS = {"break": _by_break, "del": _by_del, "exception": _by_exception, "close twice": _by_close_twice}


def end(load: Make, how: str, kind: str, times: int, seconds: float) -> list[float]:
    """Milliseconds from a signal, or from the last line of a program, until it and its workers are gone: so many times,
    or as many as the seconds allow."""
    found = []
    for _ in _within(times, seconds):
        child = Child(functools.partial(_wait, load, kind, how))
        child.ready()
        # It waits for a batch that does not come, or sits idle.
        time.sleep(0.5)
        start = time.perf_counter()
        if how == "exit":
            child.go()
        else:
            os.kill(child.pid, getattr(signal, how))
        child.gone(30)
        found.append((time.perf_counter() - start) * 1000)
    return found


def _wait(load: Make, kind: str, how: str, child: Child) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Kept for the interpreter's end.
    global loader, iterator
    loader = load(kind=kind)
    iterator = iter(loader)
    for _ in range(2):
        next(iterator)
    child.say_ready()
    if kind == "stalled" and how != "exit":
        for _ in iterator:
            pass
    child.wait_for_go()


class Child:
    """A process that was forked from this one, in a session of its own, so that its workers can be told."""

    def __init__(self, work: Callable[[Child], None]) -> None:
        self._ready, self._go = os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            # A program's own end, not that of what it was forked from.
            null = os.open(os.devnull, os.O_RDWR)
            for number in range(3):
                os.dup2(null, number)
            try:
                work(self)
            except Exception:
                os._exit(3)
            sys.exit(0)
        os.close(self._ready[1])
        os.close(self._go[0])

    def say_ready(self) -> None:
        os.write(self._ready[1], b".")

    def wait_for_go(self) -> None:
        os.read(self._go[0], 1)

    def ready(self) -> None:
        if not os.read(self._ready[0], 1):
            raise RuntimeError("a program ended before it had begun")

    def go(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._go[1], b".")

    def gone(self, seconds: float) -> tuple[int, int]:
        """Waits for the end of the program and of its workers; its exit code, and how many had to be killed."""
        os.close(self._ready[0])
        os.close(self._go[1])
        limit = time.monotonic() + seconds
        code = None
        while True:
            if code is None and os.waitpid(self.pid, os.WNOHANG) != (0, 0):
                code = 0
            left = _session(self.pid)
            if not left and code is not None:
                return code, 0
            if time.monotonic() > limit:
                for process in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL)
                if code is None:
                    os.waitpid(self.pid, 0)
                return -1, len(left)
            time.sleep(0.001)


def _session(leader: int) -> list[int]:
    """The processes of a session that run."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, _, _, session = Path(entry.path, "stat").read_text().rpartition(")")[2].split()[:4]
                if int(session) == leader and state != "Z":
                    found.append(int(entry.name))
    return found


def growth(load: Make, kind: str, times: int, seconds: float) -> dict[str, float | None]:
    """What grows with each early break, or with each epoch: descriptors, threads, bytes of memory, by linear fit over
    the last nine tenths of so many times, or of what time allows; None where that is less than three."""
    loader = load()
    places, rows = [], []
    looked = -math.inf
    for number in _within(times, seconds):
        for _ in loader:
            if kind == "breaks":
                break
        # Looking takes longer than a quick break.
        if number % max(1, times // 500) == 0 or time.monotonic() - looked > seconds / 500:
            looked = time.monotonic()
            places.append(number)
            rows.append(_own())
    begin = len(rows) // 10
    close(loader)
    found: dict[str, float | None] = {"times": number + 1, "descriptors": None, "threads": None, "bytes": None}
    if len(rows) - begin > 2:
        slopes = np.polyfit(places[begin:], np.array(rows[begin:], dtype=float), 1)[0]
        found |= dict(zip(("descriptors", "threads", "bytes"), map(float, slopes), strict=True))
    return found


def _own() -> tuple[int, int, int]:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return _count("/proc/self/fd"), _count("/proc/self/task"), resident


def _count(folder: str) -> int:
    return len(_names(folder))


def _names(folder: str) -> set[str]:
    return {entry.name for entry in os.scandir(folder)}


def kills(load: Make, times: int, longest: float, seconds: float) -> dict[str, int]:
    """Kills a program that loads, at a random time, and starts it anew, so many times, or as many as the seconds allow:
    how many new starts gave a whole epoch, and what was left behind."""
    draw = random.Random(0)
    found = {"times": 0, "clean": 0, "processes": 0, "files": 0}
    for _ in _within(times, seconds):
        found["times"] += 1
        before = _names("/dev/shm")
        child = Child(functools.partial(_load_for_ever, load))
        child.ready()
        time.sleep(draw.uniform(0, longest))
        # What others make there meanwhile is not counted.
        marks = ("penstock", "psm_", *map(str, _session(child.pid)))
        os.kill(child.pid, signal.SIGKILL)
        found["processes"] += child.gone(15)[1]
        new = _names("/dev/shm") - before
        found["files"] += sum(any(mark in name for mark in marks) for name in new)
        again = Child(functools.partial(_one_epoch, load))
        with contextlib.suppress(RuntimeError):
            again.ready()
            found["clean"] += 1
        again.gone(30)
    return found


def _load_for_ever(load: Make, child: Child) -> None:
    loader = load()
    child.say_ready()
    for _ in batches(loader, 10**9):
        pass


def _one_epoch(load: Make, child: Child) -> None:
    loader = load()
    found = sorted(index for batch in loader for index in indices(batch))
    if found == list(range(len(found))) and len(found) > 100:
        child.say_ready()


def resume(load: Make, share: float) -> dict[str, Any]:
    """Whether an epoch that is left after such a share goes on in another loader with the samples and random numbers
    that were to come, and how long its first batch takes."""
    loader = load(kind="numbers")
    if not hasattr(loader, "state_dict"):
        return {"exact": None}
    straight = [(indices(batch), draws(batch)) for batch in loader]
    close(loader)
    stopped = int(len(straight) * share)
    other = load(kind="numbers")
    for done, _ in enumerate(other, start=1):
        if done == stopped:
            state = other.state_dict()
            break
    size = len(repr(state))
    close(other)
    last = load(kind="numbers")
    start = time.perf_counter()
    last.load_state_dict(state)
    iterator = iter(last)
    first = next(iterator)
    seconds = time.perf_counter() - start
    rest = [(indices(batch), draws(batch)) for batch in (first, *iterator)]
    return {
        "exact": rest == straight[stopped:],
        "same_samples": [pair[0] for pair in rest] == [pair[0] for pair in straight[stopped:]],
        "milliseconds": seconds * 1000,
        "state_characters": size,
    }


def bad(load: Make, **options: Any) -> dict[str, Any]:
    """What comes of three damaged images."""
    loader = load(kind="bad", shuffle=False, **options)
    found: list[int] = []
    error = None
    try:
        for batch in loader:
            found += indices(batch)
    except Exception as caught:
        error = caught
    text = "" if error is None else f"{type(error).__name__}: {error}"
    stats = loader.stats() if hasattr(loader, "stats") else {}
    return {
        "samples": len(found),
        "distinct": len(set(found)),
        "error": text[:300],
        "names_the_sample": getattr(error, "index", None) is not None or "sample 20" in text,
        "counted": stats.get("errors"),
    }


def main() -> None:
    name, data = sys.argv[1], Path(sys.argv[2])
    load = functools.partial(make, name, data)
    # Where it hangs, this signal tells.
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        action, arguments = json.loads(line)
        try:
            answer = {"value": globals()[action](load, **arguments)}
        except Exception:
            answer = {"failed": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
