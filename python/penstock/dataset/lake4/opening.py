"""Opening Deep Lake 4 datasets: directories, and objects of the ``deeplake`` 4 package."""

from __future__ import annotations

from typing import Any

from penstock.dataset.lake4.dataset import Lake4Dataset
from penstock.dataset.lake4.source import Source, path_of
from penstock.errors import UnsupportedError
from penstock.storage.secrets import Secret

__all__ = ["is_deeplake4_object", "open_directory", "open_object", "what_to_pass"]

_CLASSES = ("Dataset", "DatasetView", "ReadOnlyDataset")


def is_deeplake4_object(value: object) -> bool:
    """Whether it is a dataset or a query result of the ``deeplake`` 4 package, which need not be imported to tell."""
    return type(value).__module__ == "deeplake._deeplake" and type(value).__name__ in _CLASSES


def what_to_pass(value: object) -> str:
    """For messages: what stands for an object of the package that is no dataset; "" where it is none of the package."""
    if type(value).__module__ != "deeplake._deeplake":
        return ""
    return ": rows of deeplake 4 come as the result of a query, ds.query('SELECT * LIMIT 10 OFFSET 5')"


def open_directory(
    path: str, commit: str | None = None, view: str | None = None, creds: Secret | None = None
) -> Lake4Dataset:
    """Opens a directory.

    Args:
        path: The directory, or its URL.
        commit: A branch, a tag, or the id of a version; default: the head of the branch "main".
        view: A tag, which is how Deep Lake 4 saves query results.
        creds: Of a bucket, passed on to the package: a dict, or a function that gives one.

    Raises:
        MissingExtraError: deeplake is not installed.
        CommitNotFoundError: There is no such branch, tag or version.
        DatasetFormatError: deeplake cannot open it.
        UnsupportedError: deeplake 3 is installed.
    """
    source = Source(path, _one_of(commit, view, path), creds=creds)
    dataset = Lake4Dataset(source, source.open())
    dataset.view_id = view
    return dataset


def open_object(handle: Any, commit: str | None = None, view: str | None = None) -> Lake4Dataset:
    """Takes an object of the package as it is, or another of its versions. Raises CommitNotFoundError."""
    path = path_of(handle)
    source = Source(path, _one_of(commit, view, path))
    if source.commit is None:
        return Lake4Dataset(source, handle)
    if not hasattr(handle, "branches"):
        raise UnsupportedError("a query result has no other versions", path=path, hint="Query the version itself")
    dataset = Lake4Dataset(source, source.at(handle))
    dataset.view_id = view
    return dataset


def _one_of(commit: str | None, view: str | None, path: str) -> str | None:
    if commit is not None and view is not None:
        raise UnsupportedError("of a Deep Lake 4 dataset either a commit or a view can be opened", path=path)
    return commit if view is None else view
