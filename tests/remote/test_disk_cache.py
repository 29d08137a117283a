"""The disk cache: what is read once is not asked for again, and what comes is right whatever lies on the disk."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import penstock
from penstock.dataset.joined import JoinedDataset
from penstock.dataset.lake3.dataset import Lake3Dataset
from penstock.errors import ConfigError, LoaderClosedError, PenstockError, StorageError
from penstock.storage.address import Address, parse_address
from penstock.storage.local import LocalStore
from penstock.storage.remote import RemoteStore
from penstock.storage.store import Store
from support.file_server import FileServer, Handler
from support.same import assert_same

Lakes = Callable[[str], Path]
NAME = "many_chunks"
TENSORS = ["varying/raw", "equal/raw"]


class Served:
    """A dataset on a web server, and what is asked of it."""

    def __init__(self, server: FileServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.url = f"{server.url}/{folder.name}"

    @property
    def chunk_files(self) -> list[Path]:
        return [file for name in TENSORS for file in sorted((self.folder / name / "chunks").iterdir())]

    def asked(self) -> list[tuple[str, str]]:
        """Path and range of each request for a chunk since it was last called."""
        with self.server.lock:
            requests, self.server.requests = self.server.requests, []
        return [(path, headers.get("Range", "")) for path, headers in requests if "/chunks/" in path]


@pytest.fixture
def served(web: FileServer, lake: Lakes) -> Served:
    web.names_versions = True
    return Served(web, Path(shutil.copytree(lake(NAME), web.root / "lake")))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def loader(served: Served, cache: Path, **options: Any) -> penstock.DataLoader:
    settings: dict[str, Any] = {"batch_size": 4, "tensors": TENSORS, "cache_dir": cache, "loader_type": "c++"}
    settings["chunk_cache_bytes"] = 0  # so that each epoch reads anew
    settings["network"] = penstock.NetworkOptions(hedge=False)  # so that requests can be counted
    return penstock.DataLoader(served.url, **(settings | options))


def arrays(batches: Any) -> list[dict[str, Any]]:
    def turned(value: Any) -> Any:
        if isinstance(value, list):
            return [turned(item) for item in value]
        return value.numpy().copy() if isinstance(value, torch.Tensor) else value

    return [{name: turned(value) for name, value in batch.items()} for batch in batches]


@pytest.fixture
def expected(lake: Lakes) -> list[dict[str, Any]]:
    with penstock.DataLoader(lake(NAME), batch_size=4, loader_type="python", tensors=TENSORS) as here:
        return arrays(here)


def assert_as_expected(batches: Any, expected: list[dict[str, Any]]) -> None:
    for ours, theirs in zip(arrays(batches), expected, strict=True):
        assert_same(ours, theirs, NAME)


def test_a_second_epoch_makes_no_request(
    native: Any, served: Served, cache: Path, expected: list[dict[str, Any]]
) -> None:
    with loader(served, cache) as there:
        assert_as_expected(there, expected)
        asked = served.asked()
        assert sorted(path for path, _ in asked) == sorted({path for path, _ in asked}), "each chunk once"
        assert all(part == "" for _, part in asked), "whole"
        assert_as_expected(there, expected)
        assert served.asked() == []
        stats = there.stats()
    assert stats["cache_disk_hits"] > 0 and stats["cache_disk_bytes"] > 0
    assert stats["cache_disk_damaged"] == stats["cache_disk_full"] == stats["cache_disk_probes"] == 0


@pytest.mark.parametrize("shuffle", ["full", "chunk"])
def test_shuffled_epochs_make_no_request_after_the_first(
    shuffle: str, native: Any, served: Served, cache: Path
) -> None:
    with loader(served, cache, shuffle=shuffle, seed=1) as there:
        list(there)
        served.asked()
        list(there)
        list(there)
    assert served.asked() == []


def test_another_loader_asks_for_one_byte_of_each_chunk(
    native: Any, served: Served, cache: Path, expected: list[dict[str, Any]]
) -> None:
    with loader(served, cache) as first:
        list(first)
        chunks = len(served.asked())
        written = first.stats()["cache_disk_written"]
    assert len(list(cache.iterdir())) == chunks >= written
    with loader(served, cache) as second:
        assert_as_expected(second, expected)
        assert [part for _, part in served.asked()] == ["bytes=0-0"] * chunks
        assert_as_expected(second, expected)
        assert served.asked() == []
        stats = second.stats()
    assert stats["cache_disk_probes"] == chunks and stats["cache_disk_written"] == 0


def change(file: Path) -> None:
    """Another number in the last sample of a chunk."""
    data = bytearray(file.read_bytes())
    data[-4] ^= 1
    file.write_bytes(data)


def test_a_chunk_that_has_changed_is_read_anew(native: Any, served: Served, cache: Path) -> None:
    with loader(served, cache) as first:
        before = arrays(first)
    changed = served.chunk_files[len(served.chunk_files) // 2]
    change(changed)
    served.asked()
    with loader(served, cache) as second:
        after = arrays(second)
        asked = served.asked()
        for ours, theirs in zip(arrays(second), after, strict=True):
            assert_same(ours, theirs, NAME)
    with penstock.DataLoader(served.folder, batch_size=4, loader_type="python", tensors=TENSORS) as here:
        for ours, theirs in zip(after, arrays(here), strict=True):
            assert_same(ours, theirs, NAME)
    assert [path for path, part in asked if part == ""] == ["/" + changed.relative_to(served.server.root).as_posix()]
    assert str(before) != str(after)


def test_two_loaders_share_a_folder_at_once(
    native: Any, served: Served, cache: Path, expected: list[dict[str, Any]]
) -> None:
    results: list[list[dict[str, Any]]] = []

    def load() -> None:
        with loader(served, cache) as there:
            results.append(arrays(there))

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for batches in results:
        for ours, theirs in zip(batches, expected, strict=True):
            assert_same(ours, theirs, NAME)
    assert len(results) == 2
    assert not [file for file in cache.iterdir() if file.name.endswith(".unfinished")]


def test_damaged_files_are_replaced(native: Any, served: Served, cache: Path, expected: list[dict[str, Any]]) -> None:
    with loader(served, cache) as first:
        list(first)
    files = sorted(cache.iterdir())
    for number, file in enumerate(files):
        data = bytearray(file.read_bytes())
        if number % 3 == 0:
            data[len(data) // 2] ^= 0x10
        elif number % 3 == 1:
            data = data[: len(data) // 2]
        else:
            data[3] ^= 1
        file.write_bytes(data)
    with loader(served, cache) as second:
        assert_as_expected(second, expected)
        assert second.stats()["cache_disk_damaged"] == len(files)
    with loader(served, cache) as third:
        assert_as_expected(third, expected)
        assert third.stats()["cache_disk_damaged"] == 0


def test_it_fills_up_and_evicts_nothing(
    native: Any, served: Served, cache: Path, expected: list[dict[str, Any]]
) -> None:
    size = 3 * max(file.stat().st_size for file in served.chunk_files) // 2
    with loader(served, cache, cache_size=size) as there:
        for _ in range(3):
            assert_as_expected(there, expected)
            kept = sorted(file.name for file in cache.iterdir())
        assert there.stats()["cache_disk_full"] > 0
        assert there.stats()["cache_disk_hits"] > 0
    assert kept == sorted(file.name for file in cache.iterdir())
    assert sum(file.stat().st_size for file in cache.iterdir()) <= size


def test_a_killed_process_leaves_a_usable_cache(
    native: Any, served: Served, cache: Path, expected: list[dict[str, Any]]
) -> None:
    def slowly(request: Handler) -> bool:
        time.sleep(0.02 if "/chunks/" in request.path else 0)
        return False

    served.server.fault = slowly
    program = (
        "import sys, penstock\n"
        "while True:\n"
        "    with penstock.DataLoader(sys.argv[1], batch_size=1, loader_type='c++', cache_dir=sys.argv[2],"
        " read_ahead_bytes=0) as loader:\n"
        "        for batch in loader: print('batch', flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, served.url, str(cache)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    served.server.fault = None
    with loader(served, cache) as there:
        assert_as_expected(there, expected)
        assert_as_expected(there, expected)
        assert there.stats()["cache_disk_damaged"] == 0


def test_closing_does_not_wait_for_a_server_that_hangs(native: Any, served: Served, cache: Path) -> None:
    is_asked, goes_on = threading.Event(), threading.Event()

    def hang(request: Handler) -> bool:
        if "/chunks/" in request.path:
            is_asked.set()
            goes_on.wait(30)
        return False

    served.server.fault = hang
    there = loader(served, cache)
    raised: list[type] = []

    def load() -> None:
        try:
            list(there)
        except PenstockError as error:
            raised.append(type(error))  # itself, it would hold the loader in a circle

    thread = threading.Thread(target=load)
    thread.start()
    try:
        assert is_asked.wait(20)
        start = time.perf_counter()
        there.close()
        thread.join(10)
        assert time.perf_counter() - start < 5
    finally:
        goes_on.set()
    assert raised == [LoaderClosedError]


def test_joined_datasets_share_one_folder(native: Any, served: Served, lake: Lakes, cache: Path) -> None:
    """One part lies here, two are remote, with equal keys and other data."""
    other = Path(shutil.copytree(served.folder, served.server.root / "other"))
    for file in other.rglob("chunks/*"):
        change(file)
    parts = [served.url, f"{served.server.url}/other", str(lake(NAME))]
    local = [str(served.folder), str(other), str(lake(NAME))]
    part_of, index_of = np.arange(60) % 3, np.arange(60)

    def join(paths: list[str]) -> JoinedDataset:
        chosen = {name: [name] * 3 for name in TENSORS}
        return JoinedDataset([penstock.open(path) for path in paths], chosen, part_of, index_of)

    options: dict[str, Any] = {"batch_size": 4, "loader_type": "c++"}
    with penstock.DataLoader(join(local), **options) as here:
        right = arrays(here)
    with penstock.DataLoader(join(parts), cache_dir=cache, chunk_cache_bytes=0, **options) as there:
        for _ in range(2):
            for ours, theirs in zip(arrays(there), right, strict=True):
                assert_same(ours, theirs, NAME)
        asked = served.asked()
        assert len(asked) == len({path for path, _ in asked}) == len(list(cache.iterdir()))


class _PythonStore(LocalStore):
    """Far away, and read by Python: what the core has of a bucket where it was built without libcurl."""

    remote = True  # type: ignore[assignment]

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.asked: list[tuple[str, int, int | None]] = []

    def for_core(self) -> Store:  # type: ignore[override]
        return self

    def read_versioned(self, key: str, offset: int = 0, length: int | None = None) -> tuple[bytes, int, str]:
        self.asked.append((key, offset, length))
        data = self.read(key)
        end = None if length is None else offset + length
        return data[offset:end], len(data), f'"{hashlib.sha256(data).hexdigest()}"'


def test_what_python_reads_is_kept_where_it_tells_versions(
    native: Any, lake: Lakes, cache: Path, expected: list[dict[str, Any]]
) -> None:
    options: dict[str, Any] = {"batch_size": 4, "tensors": TENSORS, "loader_type": "c++", "chunk_cache_bytes": 0}
    store = _PythonStore(str(lake(NAME)))
    with penstock.DataLoader(Lake3Dataset(store), cache_dir=cache, **options) as first:
        assert_as_expected(first, expected)
        chunks = len(store.asked)
        assert [(at, length) for _, at, length in store.asked] == [(0, None)] * chunks
        assert_as_expected(first, expected)
        assert len(store.asked) == chunks
    store.asked = []
    with penstock.DataLoader(Lake3Dataset(store), cache_dir=cache, **options) as second:
        assert_as_expected(second, expected)
    assert [(at, length) for _, at, length in store.asked] == [(0, 1)] * chunks
    with penstock.DataLoader(Lake3Dataset(store), **options) as without:
        assert_as_expected(without, expected)


def test_one_answer_tells_bytes_size_and_version(served: Served) -> None:
    address = parse_address(served.url)
    assert isinstance(address, Address)
    store = RemoteStore(address)
    file = served.chunk_files[0]
    key, data = file.relative_to(served.folder).as_posix(), file.read_bytes()
    version = f'"{hashlib.sha256(data).hexdigest()}"'
    assert store.read_versioned(key) == (data, len(data), version)
    assert store.read_versioned(key, 3, 5) == (data[3:8], len(data), version)
    served.server.names_versions = False
    assert store.read_versioned(key, 3, 5) == (data[3:8], len(data), "")


def test_a_server_without_versions_is_said_and_read_as_ever(
    native: Any, served: Served, cache: Path, expected: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    served.server.names_versions = False
    with caplog.at_level(logging.WARNING, "penstock"), loader(served, cache) as there:
        assert_as_expected(there, expected)
        assert_as_expected(there, expected)
    assert [record.message for record in caplog.records if "names no versions" in record.message][1:] == []
    assert any(served.url in record.message for record in caplog.records)
    assert list(cache.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said_once(
    native: Any, served: Served, cache: Path, expected: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    if os.geteuid() == 0:
        # Permissions mean nothing to root; nobody can make a folder under /proc.
        cache = Path("/proc/self/penstock-cache")
    else:
        cache.mkdir(mode=0o500)
    with caplog.at_level(logging.WARNING, "penstock"), loader(served, cache) as there:
        assert_as_expected(there, expected)
        assert_as_expected(there, expected)
    said = [record.message for record in caplog.records if "disk cache" in record.message]
    assert len(said) == 1 and str(cache) in said[0]


def test_an_object_that_changes_under_a_loader_is_an_error(native: Any, served: Served, cache: Path) -> None:
    with loader(served, cache) as there:
        list(there)
        for file in cache.iterdir():
            file.unlink()
        for file in served.chunk_files:
            change(file)
        with pytest.raises(StorageError, match="changed"):
            list(there)


def test_local_data_and_the_python_loader_have_none(
    native: Any, served: Served, cache: Path, lake: Lakes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "penstock"):
        with penstock.DataLoader(lake(NAME), loader_type="c++", cache_dir=cache) as here:
            next(iter(here))
        assert "cache_dir is not used: nothing is read from afar" in caplog.text
        caplog.clear()
        with loader(served, cache, loader_type="python") as there:
            next(iter(there))
    assert [record.levelname for record in caplog.records if "has no disk cache" in record.message] == ["WARNING"]
    assert not cache.exists()


def test_a_file_in_place_of_the_folder_is_refused(native: Any, served: Served, cache: Path) -> None:
    cache.write_bytes(b"")
    with pytest.raises(ConfigError, match="cache_dir is no folder"):
        loader(served, cache)
