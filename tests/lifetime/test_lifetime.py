"""However a program lets go of a loader, threads end, nothing hangs and nothing crashes.

Each case is a program of its own, run with a timeout; a hang prints the stacks of all threads.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.leaving import BY_ITSELF, CASES, program
from support.programs import run_by_itself, run_forked


@pytest.mark.parametrize("loader_type", ["c++", "python"])
@pytest.mark.parametrize("case", list(CASES))
def test_leaving(case: str, loader_type: str, lake: Callable[[str], Path], native: Any, tmp_path: Path) -> None:
    run = run_by_itself if case in BY_ITSELF else run_forked
    result = run(program(tmp_path, CASES[case]), str(lake("equal_images")), loader_type)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr, result.stderr


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_ctrl_c_ends_a_program(loader_type: str, lake: Callable[[str], Path], native: Any, tmp_path: Path) -> None:
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
