"""Builds, tests and measures on a machine with a GPU, with what ``tools/gpu-check --pack`` has carried there.

    tools/gpu-check --run [--from build/gpu-check] [--out build/gpu-check-results] [--seconds 480] [--without-gpu]

Needs a Python with torch and numpy, and a C++ compiler or a carried wheel; no network. Writes to OUT ``summary.json``,
``gpu.json`` and ``gpu.md`` (what benchmarks/gpu.py measured), and a log of each stage. Exit status: 0 where all stages
passed; 1 where one failed; 3 where torch sees no GPU, unless ``--without-gpu`` asks for a trial of all that needs none.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from building import Built, Unbuildable, built
from limited import run_limited

ROOT = Path(__file__).resolve().parents[2]
#: Seconds for all of it, and what each stage may take of them: in proportion where there are more. A stage is begun
#: when a quarter of its time is left.
ALL_SECONDS = 480
SECONDS = {"build": 200, "tests": 150, "memory checker": 75, "benchmarks": 300}
NO_GPU = 3
PROBE = """
import json, torch
cuda = torch.cuda.is_available()
print(json.dumps({"torch": torch.__version__, "cuda": torch.version.cuda,
    "gpu": torch.cuda.get_device_name(0) if cuda else None}))
"""


class Check:
    """The stages so far, and the time that is left.

    Attributes:
        stages: By name: ``status`` ("passed", "failed" or "skipped"), ``why``, ``seconds``.
    """

    def __init__(self, out: Path, seconds: float) -> None:
        self.out = out
        self.end = time.monotonic() + seconds
        self.share = max(1.0, seconds / ALL_SECONDS)
        self.stages: dict[str, dict[str, Any]] = {}
        self.machine: dict[str, Any] = {}
        out.mkdir(parents=True, exist_ok=True)

    @property
    def left(self) -> float:
        return self.end - time.monotonic()

    def allowed(self, stage: str) -> float:
        """Seconds that a stage may take now."""
        return min(self.left, self.share * SECONDS[stage])

    def run(self, stage: str, command: list[str], environment: dict[str, str], late: str = "failed") -> None:
        """A stage that is a program. Its output goes to a log, and all that it has started ends with its time.

        Args:
            stage: Its name.
            command: The program with its arguments.
            environment: All of the program's environment.
            late: What the stage has done where it was not done in its time.
        """
        allowed = self.allowed(stage)
        if allowed < SECONDS[stage] / 4:
            self.note(stage, "skipped", f"{max(0, self.left):.0f} s were left, and it may take {SECONDS[stage]}", 0)
            return
        begun = time.monotonic()
        log = self.out / f"{stage.replace(' ', '-')}.log"
        with log.open("w") as file:
            status = run_limited(command, environment, file, allowed, ROOT)
        if status is None:
            self.note(stage, late, f"not done after {allowed:.0f} s: see {log}", begun)
        elif status != 0:
            self.note(stage, "failed", f"status {status}: see {log}", begun)
        else:
            self.note(stage, "passed", _last_line(log), begun)

    def note(self, stage: str, status: str, why: str, begun: float) -> None:
        """Writes down how a stage ended."""
        seconds = round(time.monotonic() - begun, 1) if begun else 0.0
        self.stages[stage] = {"status": status, "why": why, "seconds": seconds}
        record = {"machine": self.machine, "stages": self.stages}
        (self.out / "summary.json").write_text(json.dumps(record, indent=1) + "\n")
        print(f"{stage:16}{status:8}{seconds:7.1f} s  {why}", flush=True)


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip("= ") if lines else ""


def probe() -> dict[str, Any]:
    """What torch says of itself and of the GPU. Ends the program where there is no torch."""
    asked = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True)
    if asked.returncode != 0:
        sys.exit(f"{sys.executable} cannot import torch: set PYTHON to an interpreter that has it.\n{asked.stderr}")
    told: dict[str, Any] = json.loads(asked.stdout.splitlines()[-1])
    return told | {"python": sys.version.split()[0], "cores": len(os.sched_getaffinity(0))}


def environment_of(made: Built, carried: Path, with_gpu: bool) -> dict[str, str]:
    """For tests and benchmarks."""
    return made.environment | {
        # One skipped test too many would pass for a test.
        "PENSTOCK_REQUIRE": "native,gpu" if with_gpu else "native",
        "PENSTOCK_LAKES": str(carried / "lakes"),
        "PENSTOCK_COCO": "generated",
        "PYTHONUNBUFFERED": "1",
    }


def tests(check: Check, environment: dict[str, str]) -> None:
    """tests/gpu, and once more what concerns memory, under compute-sanitizer."""
    # Warnings of versions that others have chosen are no failures of ours.
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "default", "-r", "fEs"]
    check.run("tests", [*pytest, "tests/gpu"], environment)
    checker = _program("compute-sanitizer", environment)
    if environment["PENSTOCK_REQUIRE"] == "native":
        check.note("memory checker", "skipped", "no GPU", 0)
    elif checker is None:
        check.note("memory checker", "skipped", "compute-sanitizer is not installed", 0)
    elif not _checker_works(checker, environment):
        check.note("memory checker", "skipped", "compute-sanitizer does not work with this device", 0)
    else:
        command = [checker, "--tool", "memcheck", "--error-exitcode", "9"]
        command += [*pytest, "tests/gpu/test_pinned.py", "-k", "reuse"]
        # Under it programs take many times as long: how long, nobody knows before.
        check.run("memory checker", command, environment, late="skipped")


def _program(name: str, environment: dict[str, str]) -> str | None:
    folders = [*environment["PATH"].split(os.pathsep), "/usr/local/cuda/bin"]
    return next((str(Path(folder) / name) for folder in folders if os.access(Path(folder) / name, os.X_OK)), None)


def _checker_works(checker: str, environment: dict[str, str]) -> bool:
    """Whether it can watch a program at all: on some virtual machines it cannot."""
    program = "import torch; torch.ones(4, device='cuda').sum().item()"
    command = [checker, "--error-exitcode", "9", sys.executable, "-c", program]
    try:
        return subprocess.run(command, env=environment, capture_output=True, timeout=60).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def run(arguments: argparse.Namespace) -> int:
    """All stages; the exit status."""
    check = Check(arguments.out.resolve(), arguments.seconds)
    carried = arguments.carried.resolve()
    if not (carried / "pack.json").is_file():
        sys.exit(f"{carried} has no pack.json: tools/gpu-check --pack makes it, where there is a network")
    check.machine = probe() | {"carried": json.loads((carried / "pack.json").read_text())}
    with_gpu = check.machine["gpu"] is not None
    shown = check.machine["gpu"] or "no GPU"
    print(f"{shown}, {check.machine['cores']} cores, torch {check.machine['torch']}", flush=True)
    begun = time.monotonic()
    try:
        made = built(carried, check.out, arguments.work.resolve(), check.allowed("build"))
    except Unbuildable as reason:
        check.note("build", "failed", str(reason), begun)
        return 1
    check.note("build", "passed", made.how, begun)
    environment = environment_of(made, carried, with_gpu)
    tests(check, environment)
    benchmark = [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), str(carried / "lakes")]
    benchmark += ["--out", str(check.out / "gpu.json")]
    # Room to write its last words in.
    benchmark += ["--budget", str(int(check.allowed("benchmarks") - 10))]
    benchmark += [] if with_gpu else ["--device", "cpu", "--quick"]
    check.run("benchmarks", benchmark, environment)
    return _summary(check, with_gpu, arguments.without_gpu)


def _summary(check: Check, with_gpu: bool, without_gpu: bool) -> int:
    counts: dict[str, list[str]] = {"passed": [], "failed": [], "skipped": []}
    for name, stage in check.stages.items():
        counts[stage["status"]].append(name)
    said = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in counts.items() if names)
    print(f"\n{said}\nwritten to {check.out}")
    if counts["failed"]:
        return 1
    if not with_gpu:
        print("torch sees no GPU: what needs one was not run")
        return 0 if without_gpu else NO_GPU
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="gpu-check --run", description=__doc__.splitlines()[0])
    beside = ROOT.parent / "pack.json"
    default = ROOT.parent if beside.is_file() else ROOT / "build" / "gpu-check"
    parser.add_argument("--from", dest="carried", type=Path, default=default, help="what --pack has made")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "gpu-check-results")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "gpu-check-work", help="where it is built")
    parser.add_argument("--seconds", type=float, default=ALL_SECONDS, help="for all of it (default: 480)")
    parser.add_argument("--without-gpu", action="store_true", help="a trial of all that needs no GPU")
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
