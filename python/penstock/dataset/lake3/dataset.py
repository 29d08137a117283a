"""A dataset."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from penstock.dataset.interface import Dataset, Tensor
from penstock.dataset.lake3.keys import (
    DATASET_INFO,
    DATASET_META,
    FIRST_COMMIT_ID,
    VERSION_INFO,
    in_commit,
    is_safe_key,
)
from penstock.dataset.lake3.records import Record, damaged, read_record
from penstock.dataset.lake3.rows import RowIndex, rows_from_json
from penstock.dataset.lake3.stored_tensor import metadata_keys
from penstock.dataset.lake3.tensor import Lake3Tensor
from penstock.dataset.lake3.versions import Version, read_version
from penstock.dataset.picking import ByNameAndNumber
from penstock.errors import CommitNotFoundError, PenstockError
from penstock.storage.local import LocalStore
from penstock.storage.prefetched import prefetch
from penstock.storage.store import Store

__all__ = ["Lake3Dataset", "Selection"]


@dataclass(frozen=True)
class Selection:
    """The part of a dataset that a view shows.

    Attributes:
        index: Its samples; None for all.
        group: The group whose tensors it has, under their names within it; "" for the whole dataset.
        names: The tensors it has, by these names; None for all.
    """

    index: RowIndex | None = None
    group: str = ""
    names: frozenset[str] | None = None

    def name(self, full: str) -> str | None:
        """A tensor's or group's name in the view, None where it is not there."""
        if self.group and not full.startswith(f"{self.group}/"):
            return None
        return full[len(self.group) + 1 :] if self.group else full

    def tensor_name(self, full: str) -> str | None:
        """As :meth:`name`, of tensors that may be left out."""
        name = self.name(full)
        return name if self.names is None or name in self.names else None


class Lake3Dataset(ByNameAndNumber[Lake3Tensor]):
    """A Deep Lake 3 dataset or a view of one, read only. :func:`penstock.open` makes one.

    Pickles as its storage, commit and selection: the copy opens the dataset anew when it is first used.

    Attributes:
        store: Its files.
        selection: What it shows of them.
        view_id: The id of the saved view that it was opened as; None for what is none.
    """

    def __init__(self, store: Store | str, commit: str | None = None, selection: Selection | None = None) -> None:
        self.store: Store = LocalStore(store) if isinstance(store, str) else store
        self.selection = selection or Selection()
        self.view_id: str | None = None
        self._commit = commit

    @property
    def path(self) -> str:
        """Its directory or URL."""
        return self.store.root

    @property
    def stores(self) -> list[Store]:
        """Its files, as what the core reads."""
        return [self.store]

    @property
    def is_remote(self) -> bool:
        """Whether reading its samples waits for a network."""
        return self.store.remote

    @property
    def is_view(self) -> bool:
        """Whether it shows a part of its dataset: some samples, a group, some tensors."""
        return self.selection != Selection()

    @property
    def commit_id(self) -> str:
        """The commit that is read. Of a branch, the one being written since its last commit (Deep Lake's
        ``pending_commit_id``), which later commits to the branch leave as it is.
        """
        return self._contents.version.commit_id

    @property
    def branch(self) -> str:
        """The branch that is read, or that the commit was made on."""
        return self._contents.version.branch

    @property
    def tensors(self) -> dict[str, Lake3Tensor]:
        """Tensors by full name ("group/x"), in Deep Lake's order; without the hidden ones."""
        return self._contents.tensors

    @cached_property
    def hidden_tensors(self) -> dict[str, Lake3Tensor]:
        """The tensors that Deep Lake hides: ids, shapes and the like of others."""
        return self._contents.load_hidden(self)

    @property
    def groups(self) -> list[str]:
        """Full names of the groups."""
        return self._contents.groups

    @cached_property
    def info(self) -> dict[str, Any]:
        """What the dataset's author noted. Raises DatasetFormatError."""
        try:
            return read_record(self.store, in_commit(self.commit_id, DATASET_INFO)).values
        except FileNotFoundError:
            return {}

    def __len__(self) -> int:
        """Length of the shortest tensor, as in Deep Lake."""
        return min((len(tensor) for tensor in self.tensors.values()), default=0)

    def _named(self, name: str) -> Lake3Tensor:
        return self.tensors[name] if name in self.tensors else self.hidden_tensors[name]

    def __contains__(self, name: object) -> bool:
        return name in self.tensors or name in self._contents.hidden_keys

    def __iter__(self) -> Any:
        raise TypeError(
            "a Dataset is not iterable: use .tensors for its tensors, penstock.DataLoader for samples"
        )

    def __repr__(self) -> str:
        return f"Dataset('{self.path}', length={len(self)}, tensors={list(self.tensors)})"

    def __getstate__(self) -> dict[str, Any]:
        # The commit, where it is known: the branch may have gone on when the copy opens.
        known = "_contents" in self.__dict__
        commit = self.commit_id if known else self._commit
        return {"store": self.store, "selection": self.selection, "view_id": self.view_id, "_commit": commit}

    def place(self, error: PenstockError) -> None:
        """Gives an error of the native core the path."""
        error.path = self.path

    def stored_in(self, tensors: Sequence[Tensor]) -> list[tuple[Dataset, list[Tensor]]]:
        """Its own samples: see :meth:`penstock.Dataset.stored_in`."""
        return [(self, list(tensors))]

    def fingerprint(self) -> str:
        """Sixteen hex digits that stand for commit, tensor names, lengths and chunk ids, and a view's samples.

        Equal for copies of a dataset. A change that keeps all of these (a sample replaced in place and not
        committed) does not show.
        """
        digest = hashlib.sha256(self.commit_id.encode())
        for name, tensor in self.tensors.items():
            ids, last = tensor.chunk_rows()
            digest.update(f"\0{name}\0{len(tensor)}\0{len(ids)}\0".encode())
            digest.update(ids.astype("<u8").tobytes() + last.astype("<i8").tobytes())
            if tensor.rows is not None:
                digest.update(b"\0" + np.asarray(tensor.rows, dtype="<i8").tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def _contents(self) -> _Contents:
        return _read_contents(self, self._commit)


@dataclass
class _Contents:
    """What opening reads."""

    version: Version
    groups: list[str]
    tensors: dict[str, Lake3Tensor]
    hidden_keys: dict[str, str]
    index: RowIndex | None

    def load_hidden(self, dataset: Lake3Dataset) -> dict[str, Lake3Tensor]:
        keys = self.hidden_keys.values()
        prefetch(dataset.store, (key for tensor in keys for key in metadata_keys(self.version, tensor)))
        return {
            name: Lake3Tensor(dataset, dataset.store, self.version, name, key, hidden=True, index=self.index)
            for name, key in self.hidden_keys.items()
        }


def _read_contents(dataset: Lake3Dataset, commit: str | None) -> _Contents:
    # Note [Round trips]: what a step reads is asked for at once, where the files are far away. The first commit's files
    # lie where no version has to be known, and the names of all others follow from the version and the metadata.
    store, selection = dataset.store, dataset.selection
    prefetch(store, (VERSION_INFO, DATASET_META, DATASET_INFO))
    version = read_version(store, commit)
    meta_key = in_commit(version.commit_id, DATASET_META)
    prefetch(store, (meta_key, in_commit(version.commit_id, DATASET_INFO)))
    try:
        meta = read_record(store, meta_key)
    except FileNotFoundError:
        if commit == version.commit_id != FIRST_COMMIT_ID:
            raise CommitNotFoundError(
                f"nothing is stored of the commit '{commit}'",
                path=store.root,
                hint="Deep Lake's reset() leaves such ids behind: open a branch, or another commit",
            ) from None
        raise damaged(f"'{meta_key}' is missing", store.root) from None
    index = selection.index or _default_index(meta)
    hidden = set(_texts(meta, "hidden_tensors"))
    shown_keys = {}
    hidden_keys = {}
    for full, key in _tensor_keys(meta).items():
        if key in hidden and (name := selection.name(full)) is not None:
            hidden_keys[name] = key
        elif key not in hidden and (name := selection.tensor_name(full)) is not None:
            shown_keys[name] = key
    prefetch(store, (key for tensor in shown_keys.values() for key in metadata_keys(version, tensor)))
    shown = {
        name: Lake3Tensor(dataset, store, version, name, key, hidden=False, index=index)
        for name, key in shown_keys.items()
    }
    groups = [name for full in _texts(meta, "groups") if (name := selection.name(full)) is not None]
    return _Contents(version, groups, shown, hidden_keys, index)


def _default_index(meta: Record) -> RowIndex | None:
    """What Deep Lake shows of a dataset when it is loaded: of a stored view of a single sample, that one."""
    try:
        return rows_from_json(meta.get_optional("default_index", list, []), meta.path)
    except ValueError as error:
        raise meta.broken(f"'default_index': {error}") from None


def _tensor_keys(meta: Record) -> dict[str, str]:
    """Tensor name -> key. Datasets of before tensors could be renamed have the keys alone."""
    names = meta.get_optional("tensor_names", dict)
    if names is None:
        names = {key: key for key in _texts(meta, "tensors")}
    for name, key in names.items():
        if not isinstance(key, str) or not is_safe_key(key):
            raise meta.broken(f"the tensor '{name}' has the key {key!r}")
    return dict(names)


def _texts(meta: Record, name: str) -> list[str]:
    values = meta.get_optional(name, list, [])
    if not all(isinstance(value, str) for value in values):
        raise meta.broken(f"'{name}' is not a list of text")
    return list(values)
