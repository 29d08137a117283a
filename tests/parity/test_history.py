"""Every commit and every branch of datasets with a history, read by Penstock, both loader types and deeplake."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.errors import CommitNotFoundError
from support.history import addresses, assert_same_dataset
from support.lake import new_lake, open_lake
from support.same import assert_same

Lakes = Callable[[str], Path]

DATASETS = ["committed", "renamed", "branched"]


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_commit_and_branch_is_read_as_after_a_checkout(dataset: str, lake: Lakes, native: Any) -> None:
    path = lake(dataset)
    found = addresses(path)
    assert len(found) > 2
    for address in found:
        assert_same_dataset(path, address)


def test_the_default_is_the_head_of_main(lake: Lakes) -> None:
    path = lake("branched")
    assert penstock.open(path).fingerprint() == penstock.open(path, commit="main").fingerprint()
    assert penstock.open(path).branch == "main"


def test_fingerprints_tell_commits_apart(lake: Lakes) -> None:
    path = lake("branched")
    with open_lake(path) as theirs:
        commits = list(theirs.version_state["commit_node_map"])
    prints = {penstock.open(path, commit=commit).fingerprint() for commit in commits}
    assert len(prints) == len(commits)


def test_a_dataset_is_opened_anew_at_another_commit(lake: Lakes) -> None:
    head = penstock.open(lake("branched"))
    left = penstock.open(head, commit="left")
    assert (head.branch, left.branch) == ("main", "left")
    assert penstock.open(left) is left


def test_pickling_keeps_the_commit(lake_copy: Lakes) -> None:
    path = lake_copy("branched")
    for address in addresses(path):
        dataset = penstock.open(path, commit=address)
        copy = pickle.loads(pickle.dumps(dataset))
        assert (copy.commit_id, copy.branch) == (dataset.commit_id, dataset.branch)
        assert copy.fingerprint() == dataset.fingerprint()
    head = pickle.dumps(penstock.open(path))
    before = penstock.open(path)["notes"].numpy_all()
    with open_lake(path, read_only=False) as theirs:
        theirs.commit("later")
        theirs.notes[0] = "changed since"
    assert_same(pickle.loads(head)["notes"].numpy_all(), before, "pickled before the branch went on")
    assert penstock.open(path)["notes"][0] == "changed since"


def test_unknown_commits_name_the_nearest(lake: Lakes) -> None:
    path = lake("branched")
    left = penstock.open(path, commit="left").commit_id
    for address, nearest in (("lefd", "left"), (left[:7], left), (f"{left[:-1]}x", left)):
        with pytest.raises(CommitNotFoundError, match=f"no commit or branch '{address}'.*'{nearest}'") as caught:
            penstock.open(path, commit=address)
        assert isinstance(caught.value, KeyError)
        assert caught.value.path == str(path)
    with pytest.raises(CommitNotFoundError, match="Known are: 'main', 'left'"):
        penstock.open(path, commit="")


def test_a_commit_is_a_text(lake: Lakes) -> None:
    with pytest.raises(TypeError, match="commit must be a str"):
        penstock.open(lake("scalars"), commit=3)  # type: ignore[arg-type]


def test_without_version_information_there_is_one_commit(lake_copy: Lakes) -> None:
    path = lake_copy("scalars")
    first = penstock.open(path).commit_id
    (path / "version_control_info.json").unlink()
    assert {penstock.open(path, commit=known).commit_id for known in (None, "main", first)} == {first}
    with pytest.raises(CommitNotFoundError, match="'main'"):
        penstock.open(path, commit="mian")


def test_what_a_reset_leaves_behind(deeplake: Any, tmp_path: Path) -> None:
    path = tmp_path / "lake"
    with new_lake(path) as lake:
        lake.create_tensor("x", dtype="int32")
        lake.commit("first")
        lake.x.append([1])
        left = lake.pending_commit_id
        lake.reset()
    assert len(penstock.open(path)) == 0
    with pytest.raises(CommitNotFoundError, match=f"nothing is stored of the commit '{left}'.*reset"):
        penstock.open(path, commit=left)
