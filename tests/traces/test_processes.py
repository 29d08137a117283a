"""Traces of programs as they are, of ranks, and of processes that a program starts."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.chrome_traces import read_trace

Lakes = Callable[[str], Path]

_LOOP = """
import sys
import penstock
with penstock.DataLoader(sys.argv[1], 4, loader_type=sys.argv[2]) as loader:
    print(len(list(loader)))
"""


def run(script: str, *words: object, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, words)]
    environment = {name: value for name, value in os.environ.items() if name != "RANK"} | variables
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_a_program_is_traced_without_a_change(
    loader_type: str, native: Any, lake: Lakes, tmp_path: Path
) -> None:
    done = run(_LOOP, lake("equal_images"), loader_type, PENSTOCK_TRACE=str(tmp_path / "out.json"))
    assert (done.returncode, done.stderr) == (0, "")
    trace = read_trace(tmp_path / "out.json")
    # The call that ends the loop is one more.
    assert len(trace.spans("next")) == int(done.stdout) + 1
    assert len(trace.spans("decode")) > 0 or loader_type == "python"


def test_a_rank_has_a_file_of_its_own(native: Any, lake: Lakes, tmp_path: Path) -> None:
    done = run(_LOOP, lake("equal_images"), "c++", PENSTOCK_TRACE=str(tmp_path / "out.json"), RANK="3")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out.rank3.json"]
    assert read_trace(tmp_path / "out.rank3.json").spans("decode")


def test_a_program_that_loads_nothing_writes_nothing(tmp_path: Path) -> None:
    done = run("import penstock", PENSTOCK_TRACE=str(tmp_path / "out.json"))
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    done = run("import penstock", PENSTOCK_TRACE=str(tmp_path / "none" / "out.json"))
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("penstock.errors.ConfigError: PENSTOCK_TRACE: there is no folder")


_FORKING = """
    import os, sys
    import penstock
    with penstock.DataLoader(sys.argv[1], 4, loader_type="c++") as loader:
        batches = iter(loader)
        next(batches)
        child = os.fork()
        for _ in batches:
            pass
        if child:
            assert os.waitpid(child, 0)[1] == 0
            print(child)
"""


def test_a_forked_child_records_by_itself(native: Any, lake: Lakes, tmp_path: Path) -> None:
    done = run(_FORKING, lake("equal_images"), PENSTOCK_TRACE=str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stderr
    child = int(done.stdout)
    parents, childs = (read_trace(tmp_path / name) for name in ("out.json", f"out.{child}.json"))
    assert {event["pid"] for event in childs.events} == {child}
    assert all(event["pid"] != child for event in parents.events)
    # It has nothing of what its parent did before the fork: the first batch.
    assert childs.spans("decode")
    assert len(childs.spans("next")) == len(parents.spans("next")) - 1


_WORKERS = """
    import sys, multiprocessing
    import penstock

    def same(sample):
        return sample

    if __name__ == "__main__":
        multiprocessing.set_start_method("fork")
        with penstock.DataLoader(sys.argv[1], 4, loader_type=sys.argv[2], transform=same, num_workers=2) as loader:
            print(sum(1 for _ in loader))
"""


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_worker_processes_have_files_of_their_own(
    loader_type: str, native: Any, lake: Lakes, tmp_path: Path
) -> None:
    script = tmp_path / "loop.py"
    script.write_text(textwrap.dedent(_WORKERS))
    (tmp_path / "traces").mkdir()
    environment = os.environ | {"PENSTOCK_TRACE": str(tmp_path / "traces" / "out.json")}
    done = subprocess.run(
        [sys.executable, str(script), str(lake("equal_images")), loader_type],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    paths = sorted((tmp_path / "traces").iterdir())
    assert len(paths) == 3, done.stderr
    own = read_trace(next(path for path in paths if path.name == "out.json"))
    workers = [read_trace(path) for path in paths if path.name != "out.json"]
    assert all(worker.spans("transform") for worker in workers)
    if loader_type == "c++":
        # The program's own file has what its workers made, batch by batch.
        made = own.spans("python")
        assert sorted(span["args"]["batch"] for span in made) == list(range(int(done.stdout)))
        assert {own.threads()[span["tid"]] for span in made} == {"penstock-worker-0", "penstock-worker-1"}
