"""Every test is run: pytest passes over some folders without a word."""

from __future__ import annotations

import subprocess
import sys

from support.order import LONGEST
from support.require import PROJECT_ROOT

TESTS = PROJECT_ROOT / "tests"


def test_every_file_of_tests_is_collected() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "--no-fold-skipped", "-p", "no:cacheprovider",
         "-W", "ignore"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    # A file that is skipped as a whole, for want of what it needs, is collected too, and has no line of its own.
    collected = {line.partition("::")[0] for line in result.stdout.splitlines() if "::" in line}
    skipped = {line.split()[1] for line in result.stdout.splitlines() if line.startswith("SKIPPED")}
    written = {str(file.relative_to(PROJECT_ROOT)) for file in TESTS.rglob("test_*.py")}
    assert written
    assert not written - collected - skipped
    assert {file.split("/")[1] for file in collected | skipped} >= {
        folder.name for folder in TESTS.iterdir() if list(folder.glob("test_*.py"))
    }


def test_no_folder_of_tests_has_a_name_that_pytest_passes_over() -> None:
    passed_over = {"build", "dist", "node_modules", "venv", "CVS", "_darcs"}
    assert not [folder for folder in TESTS.rglob("*") if folder.is_dir() and folder.name in passed_over]


def test_files_that_are_begun_first_are_there() -> None:
    assert len(set(LONGEST)) == len(LONGEST)
    assert all((TESTS / name).is_file() for name in LONGEST)
