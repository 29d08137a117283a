"""Progress bars: in notebooks and terminals, and nowhere else."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import penstock
from penstock.ingest.options import IngestOptions
from penstock.notebook import in_notebook
from penstock.progress import progress, progress_bar


class Bar:
    """A bar of tqdm's, which keeps what it is told."""

    made: list[Bar] = []  # noqa: RUF012

    def __init__(self, items: Any = (), total: int | None = None, unit: str = "") -> None:
        self.items, self.total, self.unit, self.n = items, total, unit, 0
        Bar.made.append(self)

    def __iter__(self) -> Any:
        for item in self.items:
            self.n += 1
            yield item

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def update(self, by: int) -> None:
        self.n += by


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Bar]:
    """The bars that notebooks get."""
    module = ModuleType("tqdm.auto")
    module.tqdm = Bar  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tqdm.auto", module)
    monkeypatch.setattr(Bar, "made", [])
    return Bar.made


def test_a_notebook_gets_bars(notebook: list[Any], bars: list[Bar], seen: Path) -> None:
    assert in_notebook()
    assert list(progress(range(3), 3, "image")) == [0, 1, 2]
    with progress_bar("sample") as show:
        assert show is not None
        show(4, 9)
        show(9, 9)
    assert [(bar.total, bar.unit, bar.n) for bar in bars] == [(3, "image", 3), (9, "sample", 9)]
    report = penstock.verify(seen)
    assert (bars[-1].n, bars[-1].total) == (report.samples, report.samples)
    assert list(IngestOptions().progress(range(2), 2, "image")) == [0, 1]
    assert len(bars) == 4


def test_elsewhere_there_are_none(bars: list[Bar], seen: Path) -> None:
    assert not in_notebook()
    assert list(progress(range(3), 3, "image")) == [0, 1, 2]
    with progress_bar("sample") as show:
        assert show is None
    penstock.verify(seen)
    assert list(IngestOptions().progress(range(2), 2, "image")) == [0, 1]
    assert bars == []


def test_a_terminal_with_ipython_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("IPython")
    module.get_ipython = lambda: object()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", module)
    assert not in_notebook()
    module.get_ipython = lambda: None  # type: ignore[attr-defined]
    assert not in_notebook()


def test_a_progress_of_ones_own_goes_before(notebook: list[Any], bars: list[Bar], seen: Path) -> None:
    told: list[tuple[int, int]] = []
    penstock.verify(seen, progress=lambda done, total: told.append((done, total)))
    assert told and bars == []


def test_without_tqdm_there_is_none(notebook: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    assert list(progress(range(3), 3, "image")) == [0, 1, 2]
