"""Programs of tests, each in a process of its own, without the time that importing torch takes."""

from __future__ import annotations

import atexit
import functools
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from support.readable import readable

__all__ = ["Ended", "run_by_itself", "run_forked"]


@dataclass(frozen=True)
class Ended:
    """How a program ended: its process's number, its exit status or minus the signal that ended it, what it said."""

    pid: int
    returncode: int
    stdout: str
    stderr: str


def run_by_itself(script: Path, *arguments: str, seconds: float = 60) -> Ended:
    """Runs a Python program in an interpreter of its own.

    Args:
        script: The program's file.
        arguments: Its arguments.
        seconds: After these it is killed, and the test fails with ``subprocess.TimeoutExpired``.
    """
    command = [sys.executable, str(script), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            stdout, stderr = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return Ended(process.pid, process.returncode, stdout, stderr)


def run_forked(script: Path, *arguments: str, seconds: float = 60) -> Ended:
    """Runs a Python program in a process that was forked where numpy, torch and penstock had been imported.

    The arguments are those of ``run_by_itself``; ``script`` lies in a folder of the test's own, where what it says is
    written to files.
    """
    return _server().run(script, arguments, seconds)


class _Server:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("program_server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # What has been read ahead would be hidden from readable().
            bufsize=0,
        )
        atexit.register(self._end)

    def run(self, script: Path, arguments: tuple[str, ...], seconds: float) -> Ended:
        files = script.with_name("stdout"), script.with_name("stderr")
        for file in files:
            file.write_text("")
        stdout, stderr = map(str, files)
        request = {"script": str(script), "arguments": arguments, "stdout": stdout, "stderr": stderr}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        pid = int(self._answer(120.0))
        try:
            returncode = int(self._answer(seconds))
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            self._answer(10.0)
            stdout, stderr = (file.read_text() for file in files)
            raise subprocess.TimeoutExpired([str(script), *arguments], seconds, stdout, stderr) from None
        return Ended(pid, returncode, *(file.read_text() for file in files))

    def _answer(self, seconds: float) -> bytes:
        """The server's next line, which is empty where the server has ended."""
        assert self._process.stdout is not None
        if not readable(self._process.stdout, seconds):
            raise TimeoutError
        return self._process.stdout.readline()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()


@functools.cache
def _server() -> _Server:
    """One for each process that runs tests."""
    return _Server()
