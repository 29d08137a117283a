"""The scripts of the tutorials, run as a reader runs them: as programs, in the repository's folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from support.require import PROJECT_ROOT

__all__ = ["TUTORIALS", "killed_tutorial", "run_tutorial", "unpack_datasets"]

TUTORIALS = PROJECT_ROOT / "examples" / "tutorials"
#: What other people's modules warn of is no matter of a tutorial.
_PYTHON = [sys.executable, "-W", "ignore"]


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1", **more}


def run_tutorial(
    name: str,
    *arguments: object,
    start: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    timeout: float = 280,
) -> str:
    """Runs a script to its end; returns what it wrote.

    Args:
        name: Of the file, without ``.py``.
        arguments: Its arguments.
        start: Arguments of Python's before the script, as ``-m torch.distributed.run``.
        environment: More variables for it.
        timeout: Seconds.
    """
    done = subprocess.run(
        [*_PYTHON, *start, str(TUTORIALS / f"{name}.py"), *map(str, arguments)],
        cwd=PROJECT_ROOT,
        env=_environment(environment or {}),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def killed_tutorial(name: str, *arguments: object, after: str, log: Path) -> None:
    """Runs a script until it writes a line with ``after`` in it, and kills it there as ``kill -9`` does.

    Args:
        name: Of the file, without ``.py``.
        arguments: Its arguments.
        after: A part of the line.
        log: A file for what it writes beside that.
    """
    command = [*_PYTHON, str(TUTORIALS / f"{name}.py"), *map(str, arguments)]
    with log.open("w") as written, subprocess.Popen(
        command, cwd=PROJECT_ROOT, env=_environment({}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            written.write(line)
            if after in line:
                process.kill()
                break
        process.stdout.read()
        assert process.wait(60) == -signal.SIGKILL, log.read_text()[-3000:]


def unpack_datasets(folder: Path) -> Path:
    """Unpacks the datasets "train" and "val" of ``tests/data/tutorials``, for where no deeplake 3 is installed."""
    with tarfile.open(PROJECT_ROOT / "tests" / "data" / "tutorials" / "datasets.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder
