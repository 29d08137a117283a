"""Saved views, opened by their ids, against what deeplake loads by the same ids."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock
from penstock.errors import ConfigError, DatasetFormatError, DatasetNotFoundError, UnsupportedError, ViewNotFoundError
from support.lake import open_lake
from support.views import assert_same_view

Lakes = Callable[[str], Path]

VIEWS = ["slice", "list", "single", "query", "backwards", "of the second"]
MATERIALISED = ["materialised", "materialised single", "materialised later"]


@pytest.mark.parametrize("view", VIEWS + MATERIALISED)
def test_a_view_has_the_samples_that_deeplake_loads(view: str, lake: Lakes, native: Any) -> None:
    path = lake("viewed")
    with open_lake(path) as theirs:
        assert_same_view(penstock.open(path, view=view), theirs.load_view(view))


def test_these_are_all_that_the_dataset_has(lake: Lakes) -> None:
    with open_lake(lake("viewed")) as theirs:
        assert sorted(view.id for view in theirs.get_views()) == sorted([*VIEWS, *MATERIALISED, "cut"])


def test_a_view_of_cut_samples_is_refused(lake: Lakes) -> None:
    with pytest.raises(UnsupportedError, match=r"it also cuts them \(axis 1: 0\)"):
        penstock.open(lake("viewed"), view="cut")


def test_unknown_views_name_the_nearest(lake: Lakes) -> None:
    with pytest.raises(ViewNotFoundError, match=r"no view 'slise'.*Did you mean 'slice'") as caught:
        penstock.open(lake("viewed"), view="slise")
    assert isinstance(caught.value, KeyError)
    with pytest.raises(ViewNotFoundError, match="The dataset has no saved views"):
        penstock.open(lake("scalars"), view="slice")
    with pytest.raises(TypeError, match="view must be a str"):
        penstock.open(lake("viewed"), view=3)  # type: ignore[arg-type]


def test_a_view_belongs_to_its_commit(lake: Lakes) -> None:
    path = lake("viewed")
    own = penstock.open(path, view="slice").commit_id
    assert penstock.open(path, commit=own, view="slice").commit_id == own
    with pytest.raises(ConfigError, match=r"was saved at the commit .* Leave the commit out"):
        penstock.open(path, commit="main", view="slice")
    with pytest.raises(ConfigError, match="this is a view"):
        penstock.open(penstock.open(path, view="slice"), commit="main")
    assert len(penstock.open(penstock.open(path), view="slice")) == 5


def test_fingerprints_tell_views_apart(lake: Lakes) -> None:
    path = lake("viewed")
    prints = [penstock.open(path, view=view).fingerprint() for view in VIEWS + MATERIALISED]
    prints += [penstock.open(path).fingerprint(), penstock.open(path, commit="main").fingerprint()]
    assert len(set(prints)) == len(prints) - 1
    assert penstock.open(path, view="slice").fingerprint() == prints[0]


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_a_loader_resumes_on_its_own_view_alone(loader_type: str, lake: Lakes, native: Any) -> None:
    path = lake("viewed")
    settings: dict[str, Any] = {"batch_size": 2, "shuffle": True, "seed": 1, "tensors": ["numbers"]}
    loader = penstock.DataLoader(penstock.open(path, view="query"), loader_type=loader_type, **settings)
    batches = [batch["numbers"].tolist() for batch in loader]
    loader.set_epoch(0)
    iterator = iter(loader)
    next(iterator)
    state = json.loads(json.dumps(loader.state_dict()))
    again = penstock.DataLoader(penstock.open(path, view="query"), loader_type=loader_type, **settings)
    again.load_state_dict(state)
    assert [batch["numbers"].tolist() for batch in again] == batches[1:]
    for other in (penstock.open(path), penstock.open(path, view="slice")):
        with pytest.raises(ConfigError, match="its dataset is"):
            penstock.DataLoader(other, loader_type=loader_type, **settings).load_state_dict(state)


def test_a_view_pickles(lake: Lakes) -> None:
    view = penstock.open(lake("viewed"), view="list")
    copy = pickle.loads(pickle.dumps(view))
    assert copy.fingerprint() == view.fingerprint()
    assert copy["numbers"].numpy_all() == view["numbers"].numpy_all()
    assert copy.view_id == "list"


@pytest.mark.parametrize("view", [None, "list", "materialised"])
def test_a_view_knows_its_id(view: str | None, lake: Lakes) -> None:
    whole = penstock.open(lake("viewed"))
    assert whole.view_id is None
    assert penstock.open(whole, view=view).view_id == view


@pytest.mark.parametrize("loader_type", ["c++", "python"])
def test_errors_name_the_sample_of_the_dataset(loader_type: str, lake_copy: Lakes, native: Any) -> None:
    path = lake_copy("viewed")
    view = penstock.open(path, view="backwards")
    tensor = view["images"]
    assert tensor.rows is not None
    stored = int(tensor.rows[2])
    row, _ = tensor.chunks.locate(stored)
    chunk = path / tensor.chunks.key(row)
    chunk.write_bytes(chunk.read_bytes()[:-200])
    with pytest.raises(penstock.errors.PenstockError) as caught:
        list(penstock.DataLoader(view, 1, loader_type=loader_type, tensors=["images"], num_threads=1))
    assert caught.value.tensor == "images"
    assert caught.value.index is not None and tensor.chunks.locate(caught.value.index)[0] == row
    assert caught.value.chunk == tensor.chunks.key(row)

    def fail(sample: dict[str, Any]) -> None:
        raise ValueError("mine")

    loader = penstock.DataLoader(view, 1, loader_type=loader_type, tensors=["numbers"], transform=fail)
    with pytest.raises(penstock.errors.TransformError) as failed:
        list(loader)
    assert failed.value.index == 0  # no stored data is concerned


def test_indices_are_the_views(lake: Lakes, native: Any) -> None:
    view = penstock.open(lake("viewed"), view="slice")
    for loader_type in ("c++", "python"):
        loader = penstock.DataLoader(view, 2, tensors=["numbers"], loader_type=loader_type, return_index=True)
        batches = list(loader)
        assert [batch["index"].tolist() for batch in batches] == [[0, 1], [2, 3], [4]]
        assert [batch["numbers"].tolist() for batch in batches] == [[[2], [5]], [[8], [11]], [[14]]]


def test_a_view_that_was_saved_elsewhere_leads_to_its_dataset(lake_copy: Lakes, tmp_path: Path) -> None:
    path = lake_copy("viewed")
    with open_lake(path, read_only=False) as theirs:
        theirs[3:6].save_view(path=str(tmp_path / "elsewhere"), id="elsewhere")
    with open_lake(tmp_path / "elsewhere") as theirs:
        assert_same_view(penstock.open(tmp_path / "elsewhere"), theirs)
    shutil.rmtree(path)
    with pytest.raises(DatasetNotFoundError, match="no such directory"):
        penstock.open(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no list of views"),
        ("{}", "is no list of views"),
        ('[{"id": "slice", "path": "../../x"}]', "has the path"),
        ('[{"id": "slice", "path": 3}]', "'path' is not text"),
        ('[{"id": "slice", "source-dataset-version": []}]', "is not text"),
    ],
)
def test_a_broken_list_of_views_is_named(text: str, message: str, lake_copy: Lakes) -> None:
    path = lake_copy("viewed")
    (path / "queries.json").write_text(text)
    with pytest.raises(DatasetFormatError, match=message):
        penstock.open(path, view="slice")


def test_rows_that_the_dataset_does_not_have_end_a_view(lake_copy: Lakes) -> None:
    path = lake_copy("viewed")
    with open_lake(path, read_only=False) as theirs:
        view = theirs._sub_ds(".queries/list", lock=False, verbose=False)
        view._allow_view_updates = True
        view.VDS_INDEX[2] = np.uint64(1 << 40)
        view.flush()
    assert [int(number[0]) for number in penstock.open(path, view="list")["numbers"].numpy_all()] == [5, 2]
