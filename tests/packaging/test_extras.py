"""A module that is missing and one that fails to import are two things, and the error says which."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from penstock.errors import MissingExtraError
from penstock.extras import import_extra


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("some_extra")]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


@pytest.mark.parametrize("module", ["some_extra", "some_extra.part"])
def test_a_module_that_is_not_installed(module: str, folder: Path) -> None:
    with pytest.raises(MissingExtraError, match="which is not installed") as caught:
        import_extra(module, "this", "python")
    assert "pip install 'penstock[python]'" in str(caught.value)


def test_detectron2_has_no_extra_that_brings_it() -> None:
    try:
        version("detectron2")
    except PackageNotFoundError:
        with pytest.raises(MissingExtraError, match=r"the module 'detectron2\._C', which is not installed") as caught:
            importlib.import_module("penstock.integrations.detectron2")
        assert "https://github.com/facebookresearch/detectron2" in str(caught.value)
        assert "pip install 'penstock" not in str(caught.value)
    else:
        pytest.skip("it is installed")


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("raise MemoryError", "MemoryError"),
        ("raise OSError('no space')", "OSError: no space"),
        ("raise ImportError('libjpeg.so: failed to map segment')", "libjpeg.so: failed to map segment"),
        ("import some_extra_needs_this", "No module named 'some_extra_needs_this'"),
    ],
)
def test_a_module_that_is_installed_and_cannot_be_loaded(code: str, cause: str, folder: Path) -> None:
    (folder / "some_extra.py").write_text(code)
    with pytest.raises(MissingExtraError, match=f"is installed and cannot be loaded: .*{cause}") as caught:
        import_extra("some_extra", "this", "python")
    assert "not installed" not in str(caught.value)
