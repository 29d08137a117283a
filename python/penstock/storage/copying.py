"""Copies a dataset from a bucket to a directory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.errors import ConfigError, StorageError, UnsupportedError
from penstock.storage.address import is_url
from penstock.storage.listing import StoredFile
from penstock.storage.network import NetworkOptions
from penstock.storage.prefetched import PrefetchedStore
from penstock.storage.remote import RemoteStore
from penstock.storage.resolve import store_at
from penstock.threads import DaemonPool

__all__ = ["Copied", "copy_dataset"]

#: Says, while a copy is not whole, of what it is one.
_MARK = ".penstock-copy.json"
#: Ends the name of a file that is being written.
_PART = ".penstock-part"
_PIECE = 32 << 20
#: A lock is that of whoever writes the source.
_NOT_COPIED = ("dataset_lock.lock", "version_control_info.lock", "linked_creds.lock", "queries.lock")
#: Without these there is no dataset to open: they come last.
_LAST = ("dataset_meta.json", "version_control_info.json", "_meta/next_base")


@dataclass(frozen=True)
class Copied:
    """What was done.

    Attributes:
        files: So many were copied.
        data_bytes: So much is in them.
        kept: So many were there already.
    """

    files: int
    data_bytes: int
    kept: int


def copy_dataset(
    source: str,
    target: str | os.PathLike[str],
    *,
    creds: Any = None,
    network: NetworkOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Copied:
    """Copies all files of a dataset, with its history and views, as they are. A copy that was interrupted goes on where
    it ended: a file is complete or not there, and the dataset cannot be opened before all of them are.

    Args:
        source: The dataset's URL.
        target: A directory that is not there or empty, or such a copy of the same source.
        creds, network: As for :func:`penstock.open`.
        progress: Called with the bytes copied so far and those of all files.

    Raises:
        ConfigError: The target is something else, or the source no URL.
        UnsupportedError: The source has no list of its files, or a name among them is no file's name.
        DatasetNotFoundError: There is nothing at the source.
        StorageError: It cannot be read, or the target cannot be written.
    """
    if not is_url(source):
        raise ConfigError("the source of a copy is a URL", path=source, hint="A directory is copied by: cp -r")
    store = store_at(source, creds, network)
    inner = store.whole if isinstance(store, PrefetchedStore) else store
    if not isinstance(inner, RemoteStore):
        raise UnsupportedError("only buckets have a list of all files", path=store.root)
    # Finds out the region too, which listing does not.
    inner.exists(_LAST[0])
    files = [file for file in inner.list_files() if file.key.rpartition("/")[2] not in _NOT_COPIED]
    if not files:
        raise ConfigError("there is nothing at the source", path=store.root, hint="Correct the address")
    for file in files:
        _check_name(file.key, store.root)
    root = Path(target)
    _begin(root, store.root)
    missing = [file for file in files if not _is_there(root / file.key, file)]
    copied = _copy_all(inner, root, missing, sum(file.size for file in files), progress)
    (root / _MARK).unlink()
    return Copied(len(missing), copied, len(files) - len(missing))


def _copy_all(
    store: RemoteStore,
    root: Path,
    files: Sequence[StoredFile],
    total: int,
    progress: Callable[[int, int], None] | None,
) -> int:
    """The number of bytes copied."""
    done = total - sum(file.size for file in files)
    copied = 0
    last = [file for file in files if file.key.endswith(_LAST)]
    first = [file for file in files if not file.key.endswith(_LAST)]
    pool = DaemonPool(store.options.connections, "penstock-copy", "NetworkOptions.connections")
    try:
        for group in (first, last):
            for future in [pool.submit(_copy, store, root / file.key, file) for file in group]:
                copied += future.result()
                if progress is not None:
                    progress(done + copied, total)
    finally:
        # Of what is under way, a part of a file may stay, which the next attempt replaces.
        pool.close(patience=5.0)
    return copied


def _copy(store: RemoteStore, path: Path, file: StoredFile) -> int:
    part = path.with_name(path.name + _PART)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as written:
            for begin in range(0, max(file.size, 1), _PIECE):
                written.write(store.read(file.key, begin, _PIECE))
            if written.tell() != file.size:
                raise StorageError(
                    f"'{file.key}' has {written.tell()} bytes, and {file.size} in the list: it was changed meanwhile",
                    path=store.root,
                    hint="Copy again when nobody writes the dataset",
                )
            written.flush()
            os.fsync(written.fileno())
        os.utime(part, (file.modified, file.modified))
        part.replace(path)
    except FileNotFoundError:
        raise StorageError(
            f"'{file.key}' is gone", path=store.root, hint="Copy again when nobody writes the dataset"
        ) from None
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(f"cannot write '{path}': {error.strerror or type(error).__name__}") from error
    return file.size


def _is_there(path: Path, file: StoredFile) -> bool:
    """Whether a file was copied before, and is as it was then."""
    try:
        found = path.stat()
    except OSError:
        return False
    return found.st_size == file.size and abs(found.st_mtime - file.modified) < 1.0


def _begin(root: Path, source: str) -> None:
    """Marks the target as a copy that is not whole. Raises ConfigError where it is something else."""
    mark = root / _MARK
    try:
        root.mkdir(parents=True, exist_ok=True)
        begun = _begun(mark)
        if begun is None and any(root.iterdir()):
            raise ConfigError(
                f"the target '{root}' is not empty, and no copy that was interrupted", hint="Name another directory"
            )
        if begun not in (None, source):
            raise ConfigError(f"the target '{root}' is a part of a copy of '{begun}'", hint="Name another directory")
        mark.write_text(json.dumps({"source": source}), encoding="utf-8")
    except OSError as error:
        if isinstance(error, (FileExistsError, NotADirectoryError)):
            raise ConfigError(f"the target '{root}' is a file", hint="Name a directory") from None
        raise StorageError(f"cannot write '{root}': {error.strerror or type(error).__name__}") from error


def _begun(mark: Path) -> str | None:
    """Of what the target is a part of a copy; None where it is none."""
    if not mark.exists():
        return None
    try:
        return str(json.loads(mark.read_text(encoding="utf-8"))["source"])
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"'{mark}' is damaged", hint="Remove the target, and copy again") from None


def _check_name(key: str, source: str) -> None:
    parts = key.split("/")
    if set(parts) & {"", ".", ".."} or "\0" in key or "\\" in key or key.endswith(_PART) or key == _MARK:
        raise UnsupportedError(f"{key!r} is no name of a file here", path=source)
