"""The means by which this folder's tests run programs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.programs import Ended, run_by_itself, run_forked

PROGRAM = """
import atexit, os, sys
atexit.register(lambda: print("at exit", flush=True))
print(__name__, sys.argv[1:], os.getpid(), sys.stdin.read(), flush=True)
print(os.path.basename(__file__), file=sys.stderr)
"""


@pytest.mark.parametrize("run", [run_by_itself, run_forked])
def test_a_program_is_run_and_ends(run: Callable[..., Ended], tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM + "sys.exit(3)")
    ended = run(script, "a", "b c")
    assert ended.returncode == 3
    assert ended.stdout == f"__main__ ['a', 'b c'] {ended.pid} \nat exit\n"
    assert ended.stderr == "program.py\n"
    script.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)")
    assert run(script).returncode == -15
    script.write_text("1 / 0")
    failed = run(script)
    assert failed.returncode == 1
    assert failed.stderr.startswith("Traceback") and failed.stderr.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize("run", [run_by_itself, run_forked])
def test_a_program_that_hangs_is_killed(run: Callable[..., Ended], tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text("import os, time\nprint(os.getpid(), flush=True)\nfor _ in iter(int, 1): time.sleep(1)")
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        run(script, seconds=5.0)
    said = caught.value.output
    pid = int(said)
    assert not Path(f"/proc/{pid}").exists()
    script.write_text("print('the next')")
    assert run(script).stdout == "the next\n"
