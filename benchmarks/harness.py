"""Runs contenders in turn, each in a process of its own, and compares them round by round.

A round lets every contender run once, in an order that rotates, so that a machine whose speed drifts slows all of
them alike; ratios are taken within a round and quoted by their median with the smallest and largest.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

__all__ = ["CLOCK", "Contender", "Process", "Summary", "compare", "machine", "serve", "write_record", "write_results"]


class Contender(Protocol):
    """What one process of the benchmark does."""

    # Both are given the words that follow the command: none in most benchmarks.

    @property
    def sums(self) -> Callable[..., Sequence[float]]:
        """CRC-32 of each sample's pixels, or another figure of each, in order of the samples."""
        ...

    @property
    def run(self) -> Callable[..., int]:
        """One timed run; the number of samples."""
        ...


class _Clock:
    """Notes when a run's first batch is there, and what else a contender has measured of its run."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """The run begins. A contender calls it, too, where what it has done so far is not to be timed."""
        self._start_cpu = _cpu_seconds()
        self.start = time.perf_counter()
        self.first_batch: float | None = None
        self.seconds: float | None = None
        self.figures: dict[str, float] = {}

    def batch(self) -> None:
        if self.first_batch is None:
            self.first_batch = time.perf_counter() - self.start

    def end(self) -> None:
        """The run is over, if it has not been before: whoever cleans up after it says so himself."""
        if self.seconds is None:
            self.seconds = time.perf_counter() - self.start
            self.cpu_seconds = _cpu_seconds() - self._start_cpu


def _cpu_seconds() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


#: Contenders that tell how long the first batch took call ``CLOCK.batch()`` after each; in ``CLOCK.figures`` they put
#: what else there is to tell of a run.
CLOCK = _Clock()


def serve(make_contender: Callable[[], Contender]) -> None:
    """Answers the commands "sums" and "go" on standard input, one JSON line each.

    Memory is what the process takes beyond what it had before the contender was made: modules are not counted.
    """
    # What contenders print is not an answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    before_mib = _peak_kib() / 1024
    contender = make_contender()
    for line in sys.stdin:
        command, *words = line.split()
        if command == "sums":
            print(json.dumps(contender.sums(*words)), file=answers, flush=True)
            continue
        CLOCK.begin()
        samples = contender.run(*words)
        CLOCK.end()
        result = {
            "samples": samples,
            "seconds": CLOCK.seconds,
            "cpu_seconds": CLOCK.cpu_seconds,
            "peak_mib": _peak_kib() / 1024 - before_mib,
            "first_batch_seconds": CLOCK.seconds if CLOCK.first_batch is None else CLOCK.first_batch,
            **CLOCK.figures,
        }
        print(json.dumps(result), file=answers, flush=True)


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Process:
    """A contender's process."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "BUGGER_OFF": "true"}
        self.name = name
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, command: str) -> Any:
        """Sends one command, returns the JSON answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.name} ended with code {self._process.wait()}")
        return json.loads(answer)

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()


@dataclass(frozen=True)
class Summary:
    """Figures of one contender over all rounds: median, smallest and largest."""

    name: str
    rate: tuple[float, float, float]
    cpu_seconds_per_1000: float
    peak_mib: float
    runs: list[dict[str, float]]

    def ratio_to(self, other: Summary) -> tuple[float, float, float]:
        """This one's rate as a multiple of another's, round by round: median, smallest, largest."""
        pairs = zip(self.runs, other.runs, strict=True)
        return _spread([_rate(own) / _rate(theirs) for own, theirs in pairs])


def compare(
    processes: Sequence[Process], rounds: int, progress: Callable[[int], None] = lambda _: None
) -> list[Summary]:
    """One uncounted run of each, then ``rounds`` rounds."""
    runs: dict[str, list[dict[str, float]]] = {process.name: [] for process in processes}
    for process in processes:
        process.ask("go")
    for number in range(rounds):
        start = number % len(processes)
        for process in [*processes[start:], *processes[:start]]:
            runs[process.name].append(process.ask("go"))
        progress(number + 1)
    return [_summary(process.name, runs[process.name]) for process in processes]


def _summary(name: str, runs: list[dict[str, float]]) -> Summary:
    return Summary(
        name=name,
        rate=_spread([_rate(run) for run in runs]),
        cpu_seconds_per_1000=statistics.median(run["cpu_seconds"] / run["samples"] * 1000 for run in runs),
        peak_mib=max(run["peak_mib"] for run in runs),
        runs=runs,
    )


def _rate(run: dict[str, float]) -> float:
    return run["samples"] / run["seconds"]


def _spread(values: list[float]) -> tuple[float, float, float]:
    return statistics.median(values), min(values), max(values)


def machine() -> dict[str, Any]:
    """What the figures were measured on and with."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    packages = ("penstock", "torch", "numpy", "pillow", "opencv-python", "deeplake", "mmdet", "mmcv-full")
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in packages},
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def write_results(path: Path, command: str, setting: dict[str, Any], summaries: Sequence[Summary]) -> None:
    """Writes the summaries' figures."""
    write_record(path, command, setting, {summary.name: vars(summary) for summary in summaries})


def write_record(path: Path, command: str, setting: dict[str, Any], results: Any, **more: Any) -> dict[str, Any]:
    """Writes, and returns, everything that is needed to quote the figures, or to doubt them: with date and machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "command": command,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": machine(),
        "setting": setting,
        **more,
        "results": results,
    }
    path.write_text(json.dumps(record, indent=1) + "\n")
    return record
