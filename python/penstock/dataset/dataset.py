"""A dataset."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from penstock.dataset.keys import DATASET_META, in_commit, is_safe_key
from penstock.dataset.records import Record, read_record
from penstock.dataset.similar import similar
from penstock.dataset.storage import LocalStore
from penstock.dataset.tensor import Tensor
from penstock.dataset.versions import Version, read_version
from penstock.errors import DatasetFormatError, TensorNotFoundError

__all__ = ["Dataset"]


class Dataset:
    """A Deep Lake 3 dataset in a directory, read only. :func:`penstock.open` makes one.

    Pickles as its path and commit: the copy opens the dataset anew when it is first used.

    Attributes:
        path: Its directory.
    """

    def __init__(self, path: str, commit: str | None = None) -> None:
        self.path = path
        self._commit = commit

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
    def tensors(self) -> dict[str, Tensor]:
        """Tensors by full name ("group/x"), in Deep Lake's order; without the hidden ones."""
        return self._contents.tensors

    @cached_property
    def hidden_tensors(self) -> dict[str, Tensor]:
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
            return read_record(self._store, in_commit(self.commit_id, "dataset_info.json")).values
        except FileNotFoundError:
            return {}

    def __len__(self) -> int:
        """Length of the shortest tensor, as in Deep Lake."""
        return min((len(tensor) for tensor in self.tensors.values()), default=0)

    def __getitem__(self, name: str) -> Tensor:
        """A tensor by its full name, hidden ones too. Raises TensorNotFoundError."""
        try:
            return self.tensors[name] if name in self.tensors else self.hidden_tensors[name]
        except (KeyError, TypeError):
            raise TensorNotFoundError(
                f"there is no tensor {name!r}",
                path=self.path,
                hint=similar(str(name), list(self.tensors), "The dataset has no tensors"),
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self.tensors or name in self.hidden_tensors

    def __iter__(self) -> Any:
        raise TypeError(
            "a Dataset is not iterable: use .tensors for its tensors, penstock.DataLoader for samples"
        )

    def __repr__(self) -> str:
        return f"Dataset('{self.path}', length={len(self)}, tensors={list(self.tensors)})"

    def __getstate__(self) -> dict[str, Any]:
        # The commit, where it is known: the branch may have gone on when the copy opens.
        known = "_contents" in self.__dict__
        return {"path": self.path, "_commit": self.commit_id if known else self._commit}

    def fingerprint(self) -> str:
        """Sixteen hex digits that stand for commit, tensor names, lengths and chunk ids.

        Equal for copies of a dataset. A change that keeps all of these (a sample replaced in place and not
        committed) does not show.
        """
        digest = hashlib.sha256(self.commit_id.encode())
        for name, tensor in self.tensors.items():
            ids, last = tensor.chunk_rows()
            digest.update(f"\0{name}\0{len(tensor)}\0{len(ids)}\0".encode())
            digest.update(ids.astype("<u8").tobytes() + last.astype("<i8").tobytes())
        return digest.hexdigest()[:16]

    @property
    def _store(self) -> LocalStore:
        return LocalStore(self.path)

    @cached_property
    def _contents(self) -> _Contents:
        return _read_contents(self, self._store, self._commit)


@dataclass
class _Contents:
    """What opening reads."""

    store: LocalStore
    version: Version
    groups: list[str]
    tensors: dict[str, Tensor]
    hidden_keys: dict[str, str]

    def load_hidden(self, dataset: Dataset) -> dict[str, Tensor]:
        return {
            name: Tensor(dataset, self.store, self.version, name, key, hidden=True)
            for name, key in self.hidden_keys.items()
        }


def _read_contents(dataset: Dataset, store: LocalStore, commit: str | None) -> _Contents:
    version = read_version(store, commit)
    meta_key = in_commit(version.commit_id, DATASET_META)
    try:
        meta = read_record(store, meta_key)
    except FileNotFoundError:
        raise DatasetFormatError(f"'{meta_key}' is missing", path=store.root) from None
    keys = _tensor_keys(meta)
    hidden = set(_texts(meta, "hidden_tensors"))
    return _Contents(
        store=store,
        version=version,
        groups=_texts(meta, "groups"),
        tensors={
            name: Tensor(dataset, store, version, name, key, hidden=False)
            for name, key in keys.items()
            if key not in hidden
        },
        hidden_keys={name: key for name, key in keys.items() if key in hidden},
    )


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
