"""What a loader can be relied on for, measured: of Penstock, torch, torchdata and Deep Lake 3.

    python benchmarks/reliability.py --frameworks .venv-frameworks --out benchmarks/results/reliability.json

Every figure is of a process of its own. All run with this environment's Python and torch; torchdata, Accelerate and
Lightning come from the environment that --frameworks names, which is looked up after this one. Ray runs there alone,
without Deep Lake 3: their numpys exclude each other. ``--quick`` does little of everything; ``--only`` some of it.
What is measured, and how: docs/benchmarks/reliability.md, whose tables reliability_tables.py writes.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from harness import write_record
from reliability_contenders import CONTENDERS
from reliability_data import IMAGES, write
from reliability_ranks import FRAMEWORKS
from reliability_tables import tables

HERE = Path(__file__).resolve().parent
SERVER = HERE.parent / "tests" / "support" / "fault_server.py"
IDLE, STALLED = "images", "stalled"
SHARES = (0.1, 0.5, 0.99)
PARTS = ("ranks", "resume", "leave", "end", "growth", "kills", "bad")


def packages(environment: Path) -> str:
    """Where an environment's packages lie; "" where there is no such environment."""
    found = sorted((environment / "lib").glob("python3*/site-packages"))
    return str(found[0].resolve()) if found else ""


class Process:
    """A process of reliability_actions.py."""

    def __init__(self, name: str, data: Path, more: str) -> None:
        command = [sys.executable, "-W", "ignore", str(HERE / "reliability_actions.py"), name, str(data), more]
        self._command = command[: None if more else -1]
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_environment(),
            start_new_session=True,
        )

    def ask(self, action: str, *, within: float = 300, **arguments: Any) -> Any:
        """The answer's value, or {"failed": text}. What does not answer within so many seconds is killed."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([action, arguments]) + "\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], within)[0]:
            self._kill()
            self._start()
            return {"failed": f"no end within {within:.0f} s"}
        answer = self._process.stdout.readline()
        if not answer:
            code = self._process.wait()
            self._start()
            return {"failed": f"it ended with code {code}"}
        found = json.loads(answer)
        return found.get("value", found)

    def close(self) -> None:
        self._process.communicate()

    def _kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "BUGGER_OFF": "true", **more}


def once(name: str, data: Path, more: str, python: str, framework: str) -> Any:
    """Distinct samples that two ranks together are given in an epoch, and all of them."""
    if framework == "ray":
        lines = [_run([python, str(HERE / "reliability_ranks.py"), framework, name, str(data)], [{}])]
    else:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        ranks = [
            {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            for rank in ("0", "1")
        ]
        command = [sys.executable, str(HERE / "reliability_ranks.py"), framework, name, str(data)]
        lines = [_run([*command, more] if more else command, ranks)]
    found = [json.loads(line) for line in lines[0]] if isinstance(lines[0], list) else None
    if found is None:
        return {"failed": lines[0]}
    given = [index for rank in found for index in rank]
    return {"distinct": len(set(given)), "given": len(given), "ranks": [len(rank) for rank in found]}


def _run(command: list[str], environments: Sequence[dict[str, str]]) -> list[str] | str:
    """What processes print that run at the same time; what went wrong, where something did."""
    running = [
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment(**environment)
        )
        for environment in environments
    ]
    said = []
    end = time.monotonic() + 180
    try:
        for process in running:
            output, errors = process.communicate(timeout=max(0.1, end - time.monotonic()))
            if process.returncode:
                return errors[-1500:]
            said.append(output)
    except subprocess.TimeoutExpired:
        return "it did not end within 180 s"
    finally:
        for process in running:
            process.kill()
            process.communicate()
    return said


@contextmanager
def silent_server(data: Path) -> Iterator[None]:
    """Serves the images, but for those whose reads do not return; its address lies in a file."""
    silent = (data / STALLED / "silent").read_text().split()
    rules = [{"path": path, "do": {"stall": -1}} for path in silent]
    scenario = data / "scenario.json"
    scenario.write_text(json.dumps({"about": "silent", "faults": rules}))
    command = [sys.executable, str(SERVER), str(data / IDLE), "--scenario", str(scenario)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    words = dict(line.split()[:2] for line in iter(server.stdout.readline, "ready\n") if len(line.split()) > 1)
    (data / STALLED / "url").write_text(words["base"])
    try:
        yield
    finally:
        server.kill()
        server.communicate()


def measure(name: str, data: Path, more: str, frameworks: Path, said: argparse.Namespace) -> dict[str, Any]:
    """All figures of a contender."""
    quick, seconds = said.quick, said.seconds
    # What is begun in time may still wait for reads that never return.
    limit = seconds + 90
    found: dict[str, Any] = {}
    if name == "no loader":
        with closing(Process(name, data, more)) as ends:
            return {"end": _ends(ends, [IDLE], quick, seconds)} if "end" in said.only else {}

    if "ranks" in said.only:
        python = str(frameworks / "bin" / "python")
        found["ranks"] = {
            framework: once(name, data / ".", more, python, framework)
            for framework in said.frameworks_run
            if framework != "ray" or name != "deeplake"
        }
    ours = name.startswith("penstock")
    with closing(Process(name, data, more)) as process:
        # Programs are forked from it: it must not have had a loader.
        if "end" in said.only:
            found["end"] = _ends(process, [IDLE, STALLED], quick, seconds)
        if "kills" in said.only:
            many = 2 if quick else 100
            found["kills"] = process.ask("kills", within=limit, times=many, longest=0.5, seconds=seconds)
        if "leave" in said.only:
            found["leave"] = {
                how: {
                    kind: process.ask(
                        "leave", within=limit, how=how, kind=kind, times=2 if quick else times, seconds=seconds
                    )
                    for kind, times in ((IDLE, 100), (STALLED, 5))
                }
                for how in ("break", "del", "exception", *(["close twice"] if ours else []))
            }
        if "resume" in said.only:
            found["resume"] = {str(share): process.ask("resume", share=share) for share in SHARES}
        if "bad" in said.only:
            options = [{}, {"on_error": "skip"}] if ours else [{}]
            found["bad"] = {json.dumps(option): process.ask("bad", **option) for option in options}
    if "growth" in said.only:
        found["growth"] = {}
        for kind, times in {"breaks": 10_000, "epochs": 500}.items():
            with closing(Process(name, data, more)) as process:
                found["growth"][kind] = process.ask("growth", within=limit, kind=kind, times=times, seconds=seconds)
    return found


def _ends(process: Process, kinds: Sequence[str], quick: bool, seconds: float) -> dict[str, Any]:
    times = {IDLE: 2 if quick else 30, STALLED: 1 if quick else 5}
    return {
        how: {
            kind: process.ask("end", within=seconds + 90, how=how, kind=kind, times=times[kind], seconds=seconds)
            for kind in kinds
        }
        for how in ("exit", "SIGINT", "SIGTERM")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frameworks", type=Path, default=HERE.parent / ".venv-frameworks")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--seconds", type=float, help="at most, for what is done many times over (default: 120)")
    parser.add_argument("--numbers", type=int, help="samples of what is resumed (default: 100,000)")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "reliability.json")
    said = parser.parse_args()
    said.seconds = said.seconds or (8 if said.quick else 120)
    more = packages(said.frameworks)
    has_ray = more and Path(more, "ray").is_dir()
    said.frameworks_run = [name for name in FRAMEWORKS if more and (name != "ray" or has_ray)]
    numbers = said.numbers or (3_000 if said.quick else 100_000)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        write(data, numbers)
        with silent_server(data):
            for name in said.contenders:
                if name == "torchdata" and not more:
                    continue
                print(f"{name} ...", file=sys.stderr, flush=True)
                results[name] = measure(name, data, more, said.frameworks, said)
                # What is known is kept, whatever comes of the next.
                _write(said, numbers, results)
    print("\n\n".join(tables(_write(said, numbers, results))))


def _write(said: argparse.Namespace, numbers: int, results: dict[str, Any]) -> dict[str, Any]:
    command = "python benchmarks/reliability.py" + " --quick" * said.quick
    setting = {"images": IMAGES, "numbers": numbers, "seconds": said.seconds}
    return write_record(said.out, command, setting, results)


if __name__ == "__main__":
    main()
