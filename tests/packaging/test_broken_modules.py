"""What is installed and cannot be loaded is not said to be missing: the extension, MMDetection, the progress bar."""

from __future__ import annotations

import subprocess
import sys
import types
from typing import Any

import pytest

from penstock import progress
from support.require import PROJECT_ROOT

# Stands before every other finder, and fails in the module named by the first argument.
_BREAK = """
import importlib.abc, importlib.util, sys

class Broken(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self) if name == sys.argv[1] else None

    def exec_module(self, module):
        raise eval(sys.argv[2])

sys.meta_path.insert(0, Broken())
"""


def run(broken: str, error: str, code: str) -> str:
    program = [sys.executable, "-W", "ignore", "-c", _BREAK + code, broken, error]
    result = subprocess.run(program, cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


@pytest.mark.parametrize("error", ["ImportError('libjpeg.so.62: no file')", "OSError('no space')", "MemoryError()"])
def test_an_extension_that_cannot_be_loaded(error: str) -> None:
    code = """
import penstock
assert not penstock.HAVE_NATIVE
try:
    penstock._native.require_native()
except penstock.errors.NativeUnavailableError as error:
    print(error)
"""
    said = run("penstock._core", error, code)
    assert said.count("which is installed and cannot be loaded: " + error.split("(")[0]) == 1
    # The warning, since loader_type="auto" goes on without a word.
    assert said.count("penstock's C++ extension is installed and cannot be loaded") == 1
    assert "not installed" not in said


def test_mmdetection_that_cannot_be_loaded(mmdet: Any) -> None:
    code = """
import penstock.errors
try:
    import penstock.integrations.mmdet
except penstock.errors.MissingExtraError as error:
    print(error)
"""
    said = run("pycocotools", "OSError('failed to map segment')", code)
    assert "the module 'pycocotools', which is installed and cannot be loaded: OSError: failed to map segment" in said
    assert "not installed" not in said


@pytest.mark.parametrize(
    ("error", "warned"), [(ModuleNotFoundError("No module named 'tqdm'", name="tqdm"), False), (OSError("odd"), True)]
)
def test_no_progress_bar(
    error: Exception, warned: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def import_module(name: str) -> Any:
        raise error

    monkeypatch.setattr("penstock.extras.importlib", types.SimpleNamespace(import_module=import_module))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert list(progress.progress([1, 2], 2, "sample")) == [1, 2]
    with progress.progress_bar("sample") as show:
        assert show is None
    assert len(caplog.records) == (2 if warned else 0)
    assert all("is installed and cannot be loaded: OSError: odd" in record.getMessage() for record in caplog.records)
