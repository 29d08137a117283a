"""Datasets and views that a program has opened with deeplake, handed to Penstock: the same samples."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import ChunkNotFoundError, PenstockError, StorageError, UnsupportedError
from support import version_datasets
from support.lake import new_lake, open_lake
from support.same import assert_same
from support.views import assert_same_view

Lakes = Callable[[str], Path]

VIEWS: dict[str, Callable[[Any], Any]] = {
    "all": lambda ds: ds,
    "slice": lambda ds: ds[10:200:3],
    "list": lambda ds: ds[[5, 2, 9, 5]],
    "truth values, which are numbers": lambda ds: ds[[True, False, True]],
    "from the end": lambda ds: ds[-3:],
    "backwards": lambda ds: ds[::-2],
    "of a slice": lambda ds: ds[2:20][[3, 0]],
    "one": lambda ds: ds[7],
    "filter": lambda ds: ds.filter(lambda sample: sample.numbers.numpy()[0] % 4 == 1, progressbar=False),
    "query": lambda ds: ds.filter("numbers > 20", progressbar=False),
    "group": lambda ds: ds["group"],
    "inner group": lambda ds: ds["group/inner"],
    "slice of a group": lambda ds: ds["group"][3:6],
    "group of a slice": lambda ds: ds[3:6]["group"],
    "tensors": lambda ds: ds[["numbers", "group/notes"]],
    "tensors of a slice": lambda ds: ds[1:4][["numbers"]],
}


@pytest.fixture
def in_memory(deeplake: Any) -> Iterator[Any]:
    """The dataset "viewed" without its views in memory, uncommitted changes included."""
    with new_lake(f"mem://{uuid.uuid4()}") as lake:
        for name, kind in (
            ("images", {"htype": "image", "sample_compression": "jpeg", "max_chunk_size": 4_000}),
            ("values", {"dtype": "int32", "chunk_compression": "lz4", "max_chunk_size": 100}),
            ("numbers", {"dtype": "int64"}),
            ("group/notes", {"htype": "text", "max_chunk_size": 60}),
            ("group/inner/outlines", {"htype": "polygon"}),
        ):
            lake.create_tensor(name, **kind)
        version_datasets.view_samples(lake, range(18))
        lake.commit("first")
        version_datasets.view_samples(lake, range(18, 25))
        lake.numbers[2] = 22
        yield lake


@pytest.mark.parametrize("view", VIEWS)
def test_views_of_a_directory(view: str, lake: Lakes, native: Any) -> None:
    with open_lake(lake("viewed")) as theirs:
        chosen = VIEWS[view](theirs)
        assert_same_view(penstock.open(chosen), chosen)


# deeplake itself does not run text queries on memory.
@pytest.mark.parametrize("view", [view for view in VIEWS if view != "query"])
def test_views_of_memory(view: str, in_memory: Any, native: Any) -> None:
    chosen = VIEWS[view](in_memory)
    assert_same_view(penstock.open(chosen), chosen)


def test_a_loader_takes_them(lake: Lakes, native: Any) -> None:
    with open_lake(lake("viewed")) as theirs:
        for loader_type in ("c++", "python"):
            loader = penstock.DataLoader(theirs[[5, 2, 9]], 3, tensors=["numbers"], loader_type=loader_type)
            assert [batch["numbers"].tolist() for batch in loader] == [[[5], [2], [9]]]


@pytest.mark.parametrize("name", ["branched", "committed"])
def test_checked_out_commits_and_branches(name: str, lake: Lakes, native: Any) -> None:
    with open_lake(lake(name)) as theirs:
        for address in [*theirs.branches, *theirs.version_state["commit_node_map"]]:
            theirs.checkout(address)
            ours = penstock.open(theirs)
            assert (ours.commit_id, ours.branch) == (theirs.pending_commit_id, theirs.branch)
            for tensor in ours.tensors:
                expected = [theirs[tensor][index].numpy() for index in range(len(theirs[tensor]))]
                assert_same(ours[tensor].numpy_all(), expected, (address, tensor))


def test_loaded_views(lake: Lakes, native: Any) -> None:
    with open_lake(lake("viewed")) as theirs:
        for entry in theirs.get_views():
            if entry.id != "cut":
                loaded = entry.load(verbose=False)
                assert_same_view(penstock.open(loaded), loaded)


def test_it_is_the_dataset_of_the_path(lake: Lakes) -> None:
    path = lake("viewed")
    with open_lake(path) as theirs:
        assert penstock.open(theirs).fingerprint() == penstock.open(path).fingerprint()
        assert penstock.open(theirs).path == str(path)
        assert penstock.open(theirs, commit=theirs.commits[-1]["commit"]).commit_id != penstock.open(path).commit_id
        assert len(penstock.open(theirs, view="slice")) == 5


def test_what_is_not_written_yet_is_read(lake_copy: Lakes, native: Any) -> None:
    with open_lake(lake_copy("viewed"), read_only=False) as theirs, theirs:
        # Within `with`, deeplake keeps changes back.
        theirs.numbers[3] = 333
        theirs.numbers.append(25)
        theirs.create_tensor("new", dtype="int8")
        theirs.new.extend(np.arange(4, dtype="i1"))
        ours = penstock.open(theirs)
        assert (int(ours["numbers"][3][0]), len(ours["numbers"]), len(ours["new"])) == (333, 26, 4)
        assert_same_view(penstock.open(theirs[2:4]), theirs[2:4])


def test_read_only_objects_are_left_alone(lake_copy: Lakes) -> None:
    path = lake_copy("viewed")
    before = {file: file.stat().st_mtime_ns for file in path.rglob("*")}
    with open_lake(path) as theirs:
        penstock.open(theirs[3:5])["images"].numpy_all()
    assert {file: file.stat().st_mtime_ns for file in path.rglob("*")} == before


def test_tensors_of_different_lengths(tmp_path: Path, deeplake: Any, native: Any) -> None:
    with new_lake(tmp_path / "lake") as theirs:
        theirs.create_tensor("long", dtype="int32")
        theirs.create_tensor("short", dtype="int32")
        theirs.long.extend(np.arange(8, dtype="i4"))
        theirs.short.extend(np.arange(5, dtype="i4"))
        assert_same_view(penstock.open(theirs[1:7:2]), theirs[1:7:2])
        # Each counts from its own end.
        assert_same_view(penstock.open(theirs[-2:]), theirs[-2:])
        for loader_type in ("c++", "python"):
            (batch,) = penstock.DataLoader(theirs[-2:], 2, loader_type=loader_type)
            assert (batch["long"].tolist(), batch["short"].tolist()) == ([[6], [7]], [[3], [4]])
        with pytest.raises(UnsupportedError, match="fill up shorter tensors"):
            penstock.open(theirs.max_view)
        assert_same_view(penstock.open(theirs.min_view), theirs.min_view)


@pytest.mark.parametrize("cut", [lambda ds: ds[:, 0], lambda ds: ds[2:5, 1:], lambda ds: ds[1, 0]])
def test_views_that_cut_samples_are_refused(cut: Callable[[Any], Any], lake: Lakes) -> None:
    with open_lake(lake("viewed")) as theirs, pytest.raises(UnsupportedError, match="it also cuts them"):
        penstock.open(cut(theirs))


def test_results_of_the_closed_engine(lake: Lakes, deeplake: Any, native: Any) -> None:
    """The objects that Deep Lake's query engine returns; running a query needs a token, indexing does not."""
    from deeplake.core.dataset.indra_dataset_view import IndraDatasetView
    from deeplake.enterprise.convert_to_libdeeplake import dataset_to_libdeeplake

    theirs = deeplake.load(str(lake("viewed")), read_only=True, verbose=False, org_id="none")
    result = IndraDatasetView(indra_ds=dataset_to_libdeeplake(theirs)[[5, 2, 9]])
    ours = penstock.open(result)
    expected = theirs[[5, 2, 9]]
    for name in ours.tensors:
        assert_same(ours[name].numpy_all(), [expected[name][index].numpy() for index in range(3)], name)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_a_chunk_that_the_storage_lost(loader_type: str, in_memory: Any, native: Any) -> None:
    ours = penstock.open(in_memory)
    key = ours["images"].chunks.key(1)
    first = ours["images"].chunks.first_index(1)
    del in_memory.base_storage[key]
    with pytest.raises(ChunkNotFoundError) as caught:
        list(penstock.DataLoader(ours, 1, tensors=["images"], loader_type=loader_type, num_threads=1))
    assert (caught.value.tensor, caught.value.index, caught.value.chunk) == ("images", first, key)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_a_storage_that_fails(loader_type: str, in_memory: Any, native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = penstock.open(in_memory)
    key = ours["images"].chunks.key(0)
    provider = type(in_memory.base_storage)
    found = provider.__getitem__

    def fail(self: Any, name: str) -> Any:
        if name == key:
            raise PermissionError("the token has expired")
        return found(self, name)

    monkeypatch.setattr(provider, "__getitem__", fail)
    with pytest.raises(StorageError, match="PermissionError: the token has expired") as caught:
        list(penstock.DataLoader(ours, 1, tensors=["images"], loader_type=loader_type, num_threads=1))
    assert (caught.value.tensor, caught.value.index, caught.value.chunk) == ("images", 0, key)


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_a_chunk_that_ends_early(loader_type: str, in_memory: Any, native: Any) -> None:
    ours = penstock.open(in_memory)
    key = ours["images"].chunks.key(0)
    in_memory.base_storage[key] = bytes(in_memory.base_storage[key])[:60]
    with pytest.raises(PenstockError) as caught:
        list(penstock.DataLoader(ours, 1, tensors=["images"], loader_type=loader_type, num_threads=1))
    assert (caught.value.tensor, caught.value.chunk) == ("images", key)


def test_memory_stays_in_its_process(in_memory: Any) -> None:
    with pytest.raises(StorageError, match="cannot be handed to another process"):
        pickle.dumps(penstock.open(in_memory))
    # Forked workers have it.
    loader = penstock.DataLoader(
        in_memory, 5, tensors=["numbers"], loader_type="python", num_workers=1, multiprocessing_context="fork"
    )
    assert len([sample for batch in loader for sample in batch["numbers"]]) == 25


LEAVING = """
    import faulthandler, gc, os, signal, sys, threading, uuid
    os.environ["BUGGER_OFF"] = "true"
    faulthandler.register(signal.SIGALRM, all_threads=True)
    signal.alarm(100)
    import deeplake, numpy as np, penstock

    lake = deeplake.empty(f"mem://{uuid.uuid4()}")
    lake.create_tensor("x", dtype="int32", max_chunk_size=64)
    lake.x.extend(np.arange(400, dtype="i4").reshape(200, 2))

    def make():
        return penstock.DataLoader(lake, 4, shuffle=True, seed=0, loader_type="c++", chunk_cache_bytes=0)

    for _ in range(40):
        for batch in make():
            break
    loader = make()
    threads = [threading.Thread(target=lambda: list(loader)) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    iterator = iter(loader)
    next(iterator)
    del loader
    gc.collect()
    iterator, loader = None, make()
    child = os.fork()
    if child == 0:
        sys.exit(0 if len(list(loader)) == 50 else 3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    iterator = iter(loader)
    next(iterator)
    # The interpreter ends while threads read through it.
"""


def test_leaving_while_python_is_read_through(deeplake: Any, native: Any, tmp_path: Path) -> None:
    script = tmp_path / "leaving.py"
    script.write_text(textwrap.dedent(LEAVING))
    result = subprocess.run([sys.executable, "-W", "ignore", str(script)], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr, result.stderr
