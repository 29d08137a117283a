"""Programs with a limit of time, which end with all that they have started."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import IO

__all__ = ["run_limited"]


def run_limited(
    command: list[str], environment: dict[str, str], output: IO[str], seconds: float, folder: Path
) -> int | None:
    """Runs a program in ``folder``; its exit status, or None where it was not done after ``seconds``.

    Args:
        command: The program with its arguments.
        environment: All of its environment.
        output: Gets what it says, errors too.
        seconds: Then it is killed, with all processes of its group.
        folder: Where it runs.
    """
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        # Also after an interruption: nobody else would end what it has started.
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
