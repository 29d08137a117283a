"""How many requests opening makes, and how many round trips it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.dataset.lake3.dataset import Lake3Dataset
from penstock.storage.local import LocalStore
from penstock.storage.prefetched import PrefetchedStore
from support.buckets import S3
from support.lake import new_lake, open_lake

TENSORS = 10


@pytest.fixture(scope="module")
def ten_tensors(deeplake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of ten tensors with three commits."""
    path = tmp_path_factory.mktemp("ten") / "dataset"
    with new_lake(path) as theirs:
        for number in range(TENSORS):
            theirs.create_tensor(f"t{number}", dtype="int32")
        for value in range(2):
            theirs.append({f"t{number}": [value] for number in range(TENSORS)})
            theirs.commit()
    return path


def use(dataset: penstock.Dataset) -> None:
    """Everything that a loader asks of the metadata."""
    assert len(dataset) == 2 and len(dataset.tensors) == TENSORS
    _ = dataset.info, dataset.fingerprint()
    for tensor in dataset.tensors.values():
        _ = tensor.info, tensor.chunk_count()
        tensor.check_index()
        tensor.check_supported()


def test_opening_takes_three_round_trips(s3: S3, ten_tensors: Path) -> None:
    address = s3.put(ten_tensors, "ten")
    # A busy machine may take a while to begin the requests of one round.
    s3.latency = 1.0
    use(penstock.open(address, creds=s3.creds()))
    assert s3.rounds() == 3
    asked = [request.path for request in s3.seen]
    assert len(asked) == len(set(asked)), "nothing is asked for twice"


def test_a_first_commit_takes_two(s3: S3, in_bucket: Callable[[str], str]) -> None:
    address = in_bucket("annotations")
    s3.forget()
    s3.latency = 1.0
    dataset = penstock.open(address, creds=s3.creds())
    for tensor in dataset.tensors.values():
        tensor.check_index()
    assert s3.rounds() == 2


class Recording:
    """A directory's files, read as those of a bucket are; notes which are asked for together."""

    def __init__(self, root: str) -> None:
        self._store = LocalStore(root)
        self.rounds: list[list[str]] = []
        self.single: list[str] = []

    @property
    def root(self) -> str:
        return self._store.root

    def exists(self, key: str) -> bool:
        return self._store.exists(key)

    def size(self, key: str) -> int:
        return self._store.size(key)

    def read(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        self.single.append(key)
        return self._store.read(key, offset, length)

    def read_start(self, key: str, length: int) -> tuple[bytes, int]:
        return self._store.read(key, 0, length), self._store.size(key)

    def read_many(self, keys: Sequence[str]) -> list[bytes | None]:
        self.rounds.append(list(keys))
        return [self._store.read(key) if self._store.exists(key) else None for key in keys]

    def within(self, folder: str) -> Recording:
        return Recording(f"{self.root}/{folder}")

    def for_core(self) -> str:
        return self._store.for_core()


def test_each_step_asks_once(ten_tensors: Path) -> None:
    store = Recording(str(ten_tensors))
    use(Lake3Dataset(PrefetchedStore(store)))
    assert len(store.rounds) == 3 and store.single == []
    assert [len(keys) for keys in store.rounds[:2]] == [3, 2]
    # Of each tensor its metadata, notes and three indices, and a list of chunks of each commit but the first.
    assert len(store.rounds[2]) == TENSORS * (5 + 2)


def test_hidden_tensors_are_read_when_they_are_asked_for(lake: Callable[[str], Path]) -> None:
    store = Recording(str(lake("jpeg_images")))
    dataset = Lake3Dataset(PrefetchedStore(store))
    _ = dataset.tensors
    asked = {key for keys in store.rounds for key in keys}
    hidden = dataset.hidden_tensors
    assert hidden and not any(key.startswith(f"{tensor.key}/") for tensor in hidden.values() for key in asked)
    assert len(store.rounds) == 3 and store.single == []


def test_what_is_opened_anew_is_read_anew(s3: S3, tmp_path: Path, deeplake: Any) -> None:
    with new_lake(tmp_path / "x") as theirs:
        theirs.create_tensor("x", dtype="int32")
        theirs.x.append([1])
        theirs.commit()
    address = s3.put(tmp_path / "x", "anew")
    before = penstock.open(address, creds=s3.creds())
    with open_lake(tmp_path / "x", read_only=False) as theirs:
        theirs.x.append([2])
    s3.put(tmp_path / "x", "anew")
    assert len(before) == 1
    assert len(penstock.open(before, commit="main")) == 2 == len(penstock.open(address, creds=s3.creds()))
