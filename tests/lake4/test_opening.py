"""Versions, branches, tags, query results, objects of the package, and what is refused."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import penstock
from penstock.errors import (
    CommitNotFoundError,
    DatasetFormatError,
    DatasetNotFoundError,
    MissingExtraError,
    TensorNotFoundError,
    UnsupportedError,
)


def numbers(dataset: Any, loader_type: str = "python", **arguments: Any) -> list[int]:
    """The column "n", through a loader."""
    loader = penstock.DataLoader(dataset, 4, tensors=["n"], loader_type=loader_type, **arguments)
    return [int(number) for batch in loader for number in batch["n"]]


@pytest.fixture(scope="module")
def history(deeplake4: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Rows 0 to 2 committed, then 3 and 4 on "main"; 10 on "dev" after the first commit; tags of both kinds."""
    path = tmp_path_factory.mktemp("history") / "lake"
    lake = deeplake4.create(str(path))
    lake.add_column("n", deeplake4.types.Int64())
    lake.append({"n": [0, 1, 2]})
    lake.commit("first")
    first = lake.version
    lake.tag("start")
    dev = lake.branch("dev").open()
    dev.append({"n": [10]})
    dev.commit("on dev")
    lake.append({"n": [3, 4]})
    lake.commit("second")
    lake.query("SELECT * WHERE n % 2 = 0 ORDER BY n DESC").tag("even")
    return SimpleNamespace(path=path, first=first, second=lake.version, dev=dev.version)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_versions_branches_and_tags(history: Any, loader_type: str, native: Any) -> None:
    expected = {None: [0, 1, 2, 3, 4], "main": [0, 1, 2, 3, 4], history.first: [0, 1, 2], "start": [0, 1, 2]}
    expected |= {history.second: [0, 1, 2, 3, 4], "dev": [0, 1, 2, 10], "even": [4, 2, 0]}
    for commit, rows in expected.items():
        assert numbers(penstock.open(history.path, commit=commit), loader_type) == rows, commit
    assert numbers(penstock.open(history.path, view="even"), loader_type) == [4, 2, 0]
    assert penstock.open(history.path, commit=history.first).commit_id == history.first
    assert penstock.open(history.path, commit="dev").branch == "dev"


def test_what_is_not_there(history: Any, tmp_path: Path) -> None:
    with pytest.raises(CommitNotFoundError, match=r"'strat'.*Did you mean 'start'") as caught:
        penstock.open(history.path, commit="strat")
    assert caught.value.path == str(history.path)
    with pytest.raises(TensorNotFoundError, match=r"Did you mean|Known are: 'n'"):
        penstock.open(history.path)["m"]
    with pytest.raises(UnsupportedError, match="either a commit or a view"):
        penstock.open(history.path, commit="main", view="even")
    with pytest.raises(DatasetNotFoundError):
        penstock.open(tmp_path / "nowhere")
    (tmp_path / "_deeplake_log").mkdir()
    with pytest.raises((DatasetFormatError, DatasetNotFoundError), match="deeplake cannot open it"):
        penstock.open(tmp_path)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_objects_of_the_package(history: Any, deeplake4: Any, loader_type: str, native: Any) -> None:
    read_only = deeplake4.open_read_only(str(history.path))
    writable = deeplake4.open(str(history.path))
    query = read_only.query("SELECT n WHERE n > 1 ORDER BY n DESC")
    for handle, rows in ((read_only, [0, 1, 2, 3, 4]), (writable, [0, 1, 2, 3, 4]), (query, [4, 3, 2])):
        dataset = penstock.open(handle)
        assert numbers(handle, loader_type) == numbers(dataset, loader_type) == rows
        assert dataset.path == str(history.path)
    computed = penstock.open(read_only.query("SELECT n * 2 AS n"))
    assert numbers(computed, loader_type) == [0, 2, 4, 6, 8]
    assert numbers(penstock.open(read_only, commit="dev"), loader_type) == [0, 1, 2, 10]
    with pytest.raises(UnsupportedError, match="query result"):
        penstock.open(query, commit="dev")
    with pytest.raises(TypeError, match=r"not RowRange\w*: .*ds\.query\("):
        penstock.open(read_only[0:2])


def test_rows_not_committed_are_read_and_do_not_travel(deeplake4: Any, tmp_path: Path) -> None:
    lake = deeplake4.create(str(tmp_path / "lake"))
    lake.add_column("n", deeplake4.types.Int64())
    lake.commit()
    lake.append({"n": [1, 2]})
    dataset = penstock.open(lake)
    assert numbers(dataset) == [1, 2]
    with pytest.raises(UnsupportedError, match="not committed"):
        pickle.dumps(dataset)


def test_copies_read_the_version_that_was_open(deeplake4: Any, tmp_path: Path) -> None:
    path = tmp_path / "lake"
    lake = deeplake4.create(str(path))
    lake.add_column("n", deeplake4.types.Int64())
    lake.append({"n": [1, 2]})
    lake.commit()
    dataset = penstock.open(path)
    view = penstock.open(deeplake4.open_read_only(str(path)).query("SELECT * WHERE n > 1"))
    sent, sent_view = pickle.dumps(dataset), pickle.dumps(view)
    assert numbers(pickle.loads(sent_view)) == [2]
    lake.append({"n": [3]})
    lake.commit()
    assert numbers(pickle.loads(sent)) == numbers(dataset) == [1, 2]
    assert pickle.loads(sent).fingerprint() == dataset.fingerprint() != penstock.open(path).fingerprint()
    tensor = pickle.loads(pickle.dumps(dataset["n"]))
    assert [int(tensor[i]) for i in range(len(tensor))] == [1, 2]
    # A query is run again where it arrives: another result is noticed.
    with pytest.raises(DatasetFormatError, match="has changed"):
        numbers(pickle.loads(sent_view))


def test_workers_read_the_same(history: Any) -> None:
    for context in ("fork", "spawn"):
        assert numbers(history.path, num_workers=1, multiprocessing_context=context) == [0, 1, 2, 3, 4]


def test_resuming_needs_the_same_version(history: Any) -> None:
    loader = penstock.DataLoader(history.path, 2, tensors=["n"], shuffle=True, seed=3, loader_type="python")
    whole = [batch["n"].tolist() for batch in loader]
    loader.set_epoch(0)
    next(iter(loader))
    state = loader.state_dict()
    again = penstock.DataLoader(history.path, 2, tensors=["n"], shuffle=True, loader_type="python")
    again.load_state_dict(state)
    assert [batch["n"].tolist() for batch in again] == whole[1:]
    other = penstock.DataLoader(penstock.open(history.path, commit=history.first), 2, tensors=["n"])
    with pytest.raises(penstock.errors.ConfigError, match="dataset"):
        other.load_state_dict(state)


def test_without_the_package(history: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deeplake", None)
    with pytest.raises(MissingExtraError, match=r"penstock\[deeplake4\]"):
        penstock.open(history.path)


def test_info_tells_of_it(lake4: Callable[[str], Path]) -> None:
    command = [sys.executable, "-m", "penstock", "info", str(lake4("every_type"))]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, env=dict(os.environ), check=False)
    assert result.returncode == 0, result.stderr
    assert "7 samples, branch main" in result.stdout
    assert "segments_lz4" in result.stdout and "LTRB fractional" in result.stdout
