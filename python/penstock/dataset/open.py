"""Opening a dataset by its path."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from penstock.dataset import interface, lake4
from penstock.dataset.dataset import Dataset
from penstock.dataset.keys import DATASET_META, DEEPLAKE4_LOG, VERSION_INFO, VERSION_INFO_PICKLED
from penstock.errors import DatasetNotFoundError, StorageError, UnsupportedError

__all__ = ["open_dataset"]

_logger = logging.getLogger("penstock")

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def open_dataset(
    path: str | os.PathLike[str] | interface.Dataset | Any,
    commit: str | None = None,
    view: str | None = None,
    creds: Any = None,
) -> interface.Dataset:
    """Opens a dataset for reading, at the head of its branch "main" or at another commit.

    Nothing is written and no lock is taken, so read-only media and datasets in use elsewhere can be opened.

    Args:
        path: A directory, as a path or a ``file://`` URL. A Dataset is returned as it is, or opened anew where
            ``commit`` is given. Or an object of the ``deeplake`` 4 package: a dataset or a query result.
        commit: A branch's name, to read its head, changes that are not committed yet included; or a commit's id. Of a
            Deep Lake 4 dataset a branch, a tag, or a version's id (if several branches have it, that of "main").
        view: Of a Deep Lake 4 dataset: a tag, which may be a saved query result. Else not supported yet.
        creds: Not needed for directories: ignored.

    Raises:
        DatasetNotFoundError: There is no dataset at the path.
        CommitNotFoundError: The dataset has no such commit or branch; the message names the nearest ones.
        DatasetFormatError: Its metadata cannot be read.
        MissingExtraError: A dataset of Deep Lake 4, and its package is not installed.
        UnsupportedError: A remote dataset, or a ``view`` of one of Deep Lake 3.
        StorageError: Permission denied, I/O errors.
        TypeError: ``path`` or ``commit`` is something else.
    """
    if commit is not None and not isinstance(commit, str):
        raise TypeError(f"commit must be a str, not {type(commit).__name__}")
    if isinstance(path, lake4.Lake4Dataset):
        return path if commit is None and view is None else lake4.open_directory(path.path, commit, view)
    if lake4.is_deeplake4_object(path):
        return lake4.open_object(path, commit, view)
    if isinstance(path, Dataset):
        if commit is None:
            return path
        path = path.path
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
        raise TypeError(f"path must be a str, an os.PathLike or a Dataset, not {type(path).__name__}")
    if creds is not None:
        _logger.info("creds are not needed for a local dataset and are ignored")
    directory = _directory(os.fspath(path))
    if _is_deeplake4(directory):
        return lake4.open_directory(str(directory), commit, view)
    if view is not None:
        raise UnsupportedError("the argument 'view' is not supported yet", path=str(directory))
    dataset = Dataset(str(directory), commit)
    _ = dataset.tensors  # reads the metadata now, so that what is wrong with it is raised here
    return dataset


def _directory(path: str) -> Path:
    if path.startswith("file://"):
        path = unquote(urlsplit(path).path)
    elif _URL.match(path):
        scheme = path.partition("://")[0]
        raise UnsupportedError(
            f"datasets at {scheme}:// are not supported yet",
            path=path,
            hint="Copy the dataset to a directory",
        )
    if not path:
        raise DatasetNotFoundError("the path is empty", path=path)
    return Path(path).expanduser().absolute()


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
