"""Datasets and views that a program has opened with deeplake 3."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from penstock.dataset.lake3.dataset import Lake3Dataset, Selection
from penstock.dataset.lake3.deeplake_provider import remote_store_of
from penstock.dataset.lake3.rows import RowIndex, rows_from_json
from penstock.errors import UnsupportedError
from penstock.storage.local import LocalStore
from penstock.storage.provider import ProviderStore
from penstock.storage.store import Store

__all__ = ["is_deeplake_dataset", "open_deeplake_dataset"]


def is_deeplake_dataset(value: object) -> bool:
    """Whether it is a dataset or view of deeplake 3. Imports nothing: who has such an object has imported deeplake."""
    module = sys.modules.get("deeplake.core.dataset")
    return module is not None and isinstance(value, module.Dataset)


def open_deeplake_dataset(given: Any) -> Lake3Dataset:
    """The same samples of the same tensors as the object has, at its commit, read from its storage.

    Changes that it has not written yet are written first.

    Raises:
        UnsupportedError: The view does not only choose samples, but cuts, computes or fills them up.
    """
    if _is_query_result(given):
        return _of_query(given)
    store = _store_of(given)
    commit = given.pending_commit_id
    names = None if given.enabled_tensors is None else frozenset(given.tensors)
    index = rows_from_json(given.index.to_json(), given.path)
    if given._pad_tensors and len({len(tensor) for tensor in given.tensors.values()}) > 1:
        raise UnsupportedError("views that fill up shorter tensors are not supported yet", path=given.path)
    return Lake3Dataset(store, commit, Selection(index, given.group_index, names))


def _store_of(given: Any) -> Store:
    """The object's files, with all that it has to write written."""
    base = given._view_base or given
    if not base.read_only:
        base.flush()
    provider = given.base_storage
    if _is_local(provider):
        return _local_store(provider.root)
    return remote_store_of(provider) or ProviderStore(provider, given.path)


def _is_local(provider: Any) -> bool:
    # A class of a user's own that inherits from it may read otherwise.
    return type(provider) is sys.modules["deeplake.core.storage"].LocalProvider


def _is_query_result(given: Any) -> bool:
    """Whether it is what deeplake's closed engine made of a query, rather than an index of a dataset."""
    module = sys.modules.get("deeplake.core.dataset.indra_dataset_view")
    return module is not None and isinstance(given, module.IndraDatasetView)


def _of_query(given: Any) -> Lake3Dataset:
    source = Lake3Dataset(_query_store(given), given.commit_id)
    names = frozenset(given._tensors())
    strange = sorted(names - set(source.tensors) - set(source.hidden_tensors))
    if strange:
        raise UnsupportedError(
            "the query computes values, and only Deep Lake's own engine has them",
            tensor=strange[0],
            path=source.path,
            hint="Materialise it: view.save_view(optimize=True)",
        )
    try:
        rows: Sequence[int] = list(given.indra_ds.indexes)
    except Exception as error:
        raise UnsupportedError(
            f"the query's samples are not those of a dataset: {error}",
            path=source.path,
            hint="Materialise it: view.save_view(optimize=True)",
        ) from error
    return Lake3Dataset(source.store, given.commit_id, Selection(RowIndex(np.array(rows, dtype=np.int64)), "", names))


def _query_store(given: Any) -> Store:
    path = str(given.path)
    if not Path(path).expanduser().is_dir():
        raise UnsupportedError(
            "results of queries are read where the dataset lies in a directory; this one does not",
            path=path,
            hint="Materialise it: view.save_view(optimize=True)",
        )
    return _local_store(path)


def _local_store(path: str) -> LocalStore:
    return LocalStore(str(Path(path).expanduser().absolute()))
