"""Opening a dataset by its path, or as deeplake has opened it."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from penstock.dataset import interface, lake4
from penstock.dataset.joined import JoinedDataset
from penstock.dataset.lake3.dataset import Lake3Dataset
from penstock.dataset.lake3.deeplake_object import is_deeplake_dataset, open_deeplake_dataset
from penstock.dataset.lake3.keys import (
    DATASET_INFO,
    DATASET_META,
    DEEPLAKE4_FILES,
    DEEPLAKE4_LOG,
    VERSION_INFO,
    VERSION_INFO_PICKLED,
    VIEWS,
)
from penstock.dataset.lake3.records import Record
from penstock.dataset.lake3.views import is_virtual, open_view, view_of
from penstock.errors import ConfigError, DatasetNotFoundError, StorageError, UnsupportedError
from penstock.storage.address import scheme_of
from penstock.storage.local import LocalStore
from penstock.storage.network import NetworkOptions
from penstock.storage.prefetched import prefetch, read_anew
from penstock.storage.resolve import store_at
from penstock.storage.secrets import Secret
from penstock.storage.store import Store

__all__ = ["DatasetLike", "open_dataset"]

#: What a dataset is opened from: a path, one that is open already, or an object of deeplake.
DatasetLike = str | os.PathLike[str] | interface.Dataset | Any

_logger = logging.getLogger("penstock")


def open_dataset(
    path: DatasetLike,
    commit: str | None = None,
    view: str | None = None,
    creds: Any = None,
    network: NetworkOptions | None = None,
) -> interface.Dataset:
    """Opens a dataset for reading, at the head of its branch "main" or at another commit.

    Nothing is written and no lock is taken, so read-only media and datasets in use elsewhere can be opened.

    Args:
        path: A directory, as a path or a ``file://`` URL; or the URL of a folder in a bucket or of a web server:
            ``s3://bucket/folder``, ``gs://``, ``az://``, ``abfs://``, ``https://``, ``hub://organisation/dataset``; see
            ``docs/how-to/streaming.md``. A Dataset is returned as it is, or opened anew where
            ``commit`` or ``view`` is given. A dataset or view of the package deeplake is read at its commit, with its
            tensors and samples alone: of version 3 through its storage (what it has not written yet it writes), of
            version 4 by the package, and query results alike.
        commit: A branch's name, to read its head, changes that are not committed yet included; or a commit's id. Of a
            Deep Lake 4 dataset a branch, a tag, or a version's id (if several branches have it, that of "main").
        view: The id of a view that was saved with the dataset; it belongs to the commit that it was saved at. Of a Deep
            Lake 4 dataset a tag, which may be a saved query result.
        creds: Of a bucket: a dict, as ``deeplake.load`` takes it, with ``{"unsigned": True}`` for a public one; or a
            function without arguments that gives such a dict, and is asked again before its ``expiration``. None:
            what the environment, profiles and this machine's role give. Ignored for directories.
        network: How requests are made.

    Raises:
        DatasetNotFoundError: There is no dataset at the path.
        CommitNotFoundError: The dataset has no such commit or branch; the message names the nearest ones.
        ViewNotFoundError: The dataset has no such view; the message names the nearest ones.
        DatasetFormatError: Its metadata cannot be read.
        MissingExtraError: A dataset of Deep Lake 4, and its package is not installed; or a bucket, and obstore is not.
        UnsupportedError: A view that does more than choose samples and tensors; a URL that nothing reads.
        AccessDeniedError: Credentials are missing, wrong or expired.
        HostNotFoundError, CertificateError, StorageTimeoutError: The storage is not there, is not the one that it says
            it is, or does not answer.
        ConfigError: ``commit`` or ``view`` of a view, or a ``view`` of another ``commit``.
        StorageError: Permission denied, I/O errors.
        TypeError: ``path``, ``commit``, ``view`` or ``network`` is something else.
    """
    for name, value in (("commit", commit), ("view", view)):
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if network is not None and not isinstance(network, NetworkOptions):
        raise TypeError(f"network must be a penstock.NetworkOptions, not {type(network).__name__}")
    if isinstance(path, JoinedDataset):
        if commit is None and view is None:
            return path
        raise ConfigError("datasets that are joined have neither commits nor views of their own", path=path.path)
    if isinstance(path, lake4.Lake4Dataset):
        return path if commit is None and view is None else lake4.open_directory(path.path, commit, view)
    if lake4.is_deeplake4_object(path):
        return lake4.open_object(path, commit, view)
    if isinstance(path, Lake3Dataset) or is_deeplake_dataset(path):
        return _reopened(path if isinstance(path, Lake3Dataset) else open_deeplake_dataset(path), commit, view)
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
        raise TypeError(
            f"path must be a str, an os.PathLike or a dataset of penstock or deeplake, not {type(path).__name__}"
            + lake4.what_to_pass(path)
        )
    return _open_at(os.fspath(path), commit, view, creds, network)


def _open_at(
    path: str, commit: str | None, view: str | None, creds: Any, network: NetworkOptions | None
) -> interface.Dataset:
    if scheme_of(path) in (None, "file"):
        if creds is not None:
            _logger.info("creds are not needed for a local dataset and are ignored")
        directory = _directory(path)
        if _is_deeplake4(directory):
            return lake4.open_directory(str(directory), commit, view)
        return _opened(LocalStore(str(directory)), commit, view)
    secret = Secret(creds)
    store = store_at(path, secret, network)
    if _is_deeplake4_store(store, view):
        return lake4.open_directory(path, commit, view, secret)
    return _opened(store, commit, view, secret, network)


def _reopened(dataset: Lake3Dataset, commit: str | None, view: str | None) -> Lake3Dataset:
    """A dataset that is open already, at another commit or a view of it."""
    if commit is None and view is None:
        _ = dataset.tensors
        return dataset
    if dataset.is_view:
        raise ConfigError(
            "this is a view, and has neither commits nor views of its own", path=dataset.path, hint="Open its dataset"
        )
    return _opened(read_anew(dataset.store), commit, view)


def _opened(
    store: Store,
    commit: str | None,
    view: str | None,
    secret: Secret | None = None,
    network: NetworkOptions | None = None,
) -> Lake3Dataset:
    dataset = Lake3Dataset(store, commit) if view is None else open_view(store, view, commit)
    _ = dataset.tensors  # reads the metadata now, so that what is wrong with it is raised here
    if is_virtual(dataset):
        # A view that was saved in a place of its own.
        source = Record(dataset.info, "dataset_info.json", dataset.path).get("source-dataset", str)
        dataset = view_of(dataset, _source_store(source, secret, network))
        _ = dataset.tensors
    dataset.view_id = view
    return dataset


def _source_store(path: str, secret: Secret | None, network: NetworkOptions | None) -> Store:
    """The files of the dataset that a view was saved of."""
    if scheme_of(path) in (None, "file"):
        directory = _directory(path)
        store: Store = LocalStore(str(directory))
        is_deeplake4 = _is_deeplake4(directory)
    else:
        store = store_at(path, secret, network)
        is_deeplake4 = _is_deeplake4_store(store)
    if is_deeplake4:
        raise UnsupportedError("the view is of a dataset that is one of Deep Lake 4 now", path=store.root)
    return store


def _directory(path: str) -> Path:
    if scheme_of(path) == "file":
        path = _path_of_file_url(path)
    if not path or "\0" in path:
        raise DatasetNotFoundError("the path is empty" if not path else "no path has a NUL in it", path=path)
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        # There is no such user: a directory may have a name that begins with "~".
        return Path(path).absolute()


def _path_of_file_url(url: str) -> str:
    # Marks of a query and of a fragment are left in the path: nothing else could be meant in a file's name.
    host, slash, path = url.partition("://")[2].partition("/")
    if host not in ("", "localhost"):
        raise DatasetNotFoundError(
            f"the URL is of a file on the host '{host}'",
            path=url,
            hint="The URL of a file here has three slashes: file:///path/of/dataset",
        )
    return unquote(slash + path)


def _is_deeplake4(directory: Path) -> bool:
    """Whether the dataset is one of Deep Lake 4, or else one of Deep Lake 3; raises where it is neither."""
    path = str(directory)
    try:
        names = {entry.name for entry in os.scandir(directory)}
    except FileNotFoundError:
        raise DatasetNotFoundError("there is no such directory", path=path) from None
    except NotADirectoryError:
        raise DatasetNotFoundError("a dataset is a directory, this is a file", path=path) from None
    except OSError as error:
        raise StorageError(f"cannot read the directory: {error.strerror}", path=path) from error
    if names & {DATASET_META, VERSION_INFO, VERSION_INFO_PICKLED}:
        return False
    if DEEPLAKE4_LOG in names:
        return True
    raise DatasetNotFoundError(f"the directory holds no Deep Lake dataset (no {DATASET_META})", path=path)


def _is_deeplake4_store(store: Store, view: str | None = None) -> bool:
    """The same of files that are far away; reads with them what opening needs first."""
    prefetch(store, [VERSION_INFO, DATASET_META, DATASET_INFO] + [VIEWS] * (view is not None))
    if store.exists(VERSION_INFO) or store.exists(DATASET_META):
        return False
    prefetch(store, (*DEEPLAKE4_FILES, VERSION_INFO_PICKLED))
    if any(store.exists(key) for key in DEEPLAKE4_FILES):
        return True
    if store.exists(VERSION_INFO_PICKLED):
        return False
    raise DatasetNotFoundError(
        f"there is no Deep Lake dataset (no {DATASET_META})", path=store.root, hint="Correct the address"
    )
