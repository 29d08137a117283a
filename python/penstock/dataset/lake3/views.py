"""Views that were saved with a dataset."""

from __future__ import annotations

import json

import numpy as np

from penstock.dataset.lake3.dataset import Lake3Dataset, Selection
from penstock.dataset.lake3.keys import VIEWS, VIEWS_FOLDER, is_safe_key
from penstock.dataset.lake3.records import Record, damaged
from penstock.dataset.lake3.rows import RowIndex, rows_from_json
from penstock.errors import ConfigError, UnsupportedError, ViewNotFoundError
from penstock.similar import similar
from penstock.storage.store import Store

__all__ = ["is_virtual", "open_view", "view_of"]

# The tensor of a virtual dataset that has the rows of its source.
_INDEX = "VDS_INDEX"


def open_view(store: Store, view: str, commit: str | None = None) -> Lake3Dataset:
    """A saved view of the dataset in ``store``: a dataset of its own where it was materialised, else the samples of the
    commit that it was saved at.

    Raises:
        ConfigError: It was saved at another commit than ``commit``.
        ViewNotFoundError: There is no such view; the message names the nearest.
        DatasetFormatError: What was saved cannot be read.
        UnsupportedError: It also cuts samples, or was made by a query in Deep Lake's query language and not
            materialised.
    """
    entry = _entry(store, view)
    folder = f"{VIEWS_FOLDER}/{entry.get_optional('path', str) or entry.get('id', str)}"
    if not is_safe_key(folder):
        raise entry.broken(f"the view {view!r} has the path '{folder}'")
    saved = Lake3Dataset(store.within(folder))
    saved_at = entry.get_optional("source-dataset-version", str)
    if commit is not None and commit != saved_at:
        raise ConfigError(
            f"the view {view!r} was saved at the commit '{saved_at}', not '{commit}'",
            path=store.root,
            hint="Leave the commit out: the view knows its own",
        )
    return view_of(saved, store) if is_virtual(saved) else saved


def is_virtual(dataset: Lake3Dataset) -> bool:
    """Whether a dataset is a view that has nothing but the rows of its source."""
    return _INDEX in dataset and bool(dataset.info.get("virtual-datasource", False))


def view_of(saved: Lake3Dataset, source: Store) -> Lake3Dataset:
    """The samples that a virtual dataset stands for, read from its source. Raises as :func:`open_view`."""
    info = Record(saved.info, "dataset_info.json", saved.path)
    if info.get_optional("tql_query", str) is not None:
        raise UnsupportedError(
            "the view is a query, and only Deep Lake's own engine can run it",
            path=saved.path,
            hint="Materialise it once: deeplake.load(path).get_view(id).optimize()",
        )
    commit = info.get_optional("source-dataset-version", str)
    try:
        rows_from_json([{}, *info.get_optional("sub-sample-index", list, [])], saved.path)
    except ValueError as error:
        raise info.broken(f"'sub-sample-index': {error}") from None
    arrays = saved[_INDEX].numpy_all()
    rows = np.concatenate([np.zeros(0, np.uint64), *(array.reshape(-1) for array in arrays)])
    # A view is of all the source's tensors; what a row number beyond them means, RowIndex says.
    return Lake3Dataset(source, commit or None, Selection(RowIndex(rows.astype(np.int64))))


def _entry(store: Store, view: str) -> Record:
    """What the dataset's list of views says of one."""
    try:
        entries = json.loads(store.read(VIEWS))
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise ValueError("no list of objects")
    except FileNotFoundError:
        entries = []
    except (ValueError, RecursionError) as error:
        raise damaged(f"'{VIEWS}' is no list of views: {error}", store.root) from None
    for entry in entries:
        if entry.get("id") == view:
            return Record(entry, VIEWS, store.root)
    raise ViewNotFoundError(
        f"there is no view {view!r}",
        path=store.root,
        hint=similar(view, [str(entry.get("id")) for entry in entries], "The dataset has no saved views"),
    )

