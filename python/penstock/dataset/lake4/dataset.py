"""A Deep Lake 4 dataset."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from penstock.dataset.interface import Dataset, Tensor
from penstock.dataset.lake4.coords import box_coords
from penstock.dataset.lake4.source import Source
from penstock.dataset.lake4.tensor import Lake4Tensor
from penstock.dataset.picking import ByNameAndNumber
from penstock.errors import DatasetFormatError, PenstockError
from penstock.storage.store import Store

__all__ = ["Lake4Dataset"]


class Lake4Dataset(ByNameAndNumber[Lake4Tensor]):
    """A Deep Lake 4 dataset or query result, read only. :func:`penstock.open` makes one.

    Pickles as where it came from: the copy opens it anew, at the same version, when it is first used.

    Attributes:
        path: Its directory or URL.
        view_id: The tag of the saved view that it was opened as; None for what is none.
    """

    def __init__(self, source: Source, handle: Any = None) -> None:
        self.path = source.path
        self._source = source
        self.view_id: str | None = None
        if handle is not None:
            self.handle = handle

    @cached_property
    def handle(self) -> Any:
        """The object of the ``deeplake`` package."""
        return self._source.open()

    @property
    def commit_id(self) -> str:
        """Version of the dataset; "" for a query result, which does not tell."""
        return str(getattr(self.handle, "version", ""))

    @property
    def branch(self) -> str:
        """The branch that is read; "" for a query result, which does not tell."""
        branch = getattr(self.handle, "current_branch", None)
        return "" if branch is None else str(branch.name)

    @cached_property
    def tensors(self) -> dict[str, Lake4Tensor]:
        """Columns by name, in Deep Lake's order."""
        return {
            str(column.name): Lake4Tensor(self, str(column.name), column.dtype) for column in self.handle.schema.columns
        }

    @property
    def hidden_tensors(self) -> Mapping[str, Lake4Tensor]:
        """None: Deep Lake 4 has no such columns."""
        return {}

    @property
    def stores(self) -> list[Store]:
        """None: Deep Lake's own package reads the files."""
        return []

    @property
    def is_remote(self) -> bool:
        """Whether it lies at a URL, of which those of files and of memory are none."""
        scheme, found, _ = self.path.partition("://")
        return bool(found) and scheme.lower() not in ("file", "mem")

    @cached_property
    def info(self) -> Mapping[str, Any]:
        """The dataset's metadata; empty for a query result."""
        metadata = getattr(self.handle, "metadata", None)
        return {} if metadata is None else dict(metadata.to_dict())

    @cached_property
    def coords(self) -> dict[str, dict[str, str]]:
        """Column name -> "coords" of boxes, where the column's type declares them."""
        return box_coords(self._source.reader(self.handle))

    def __len__(self) -> int:
        return self._length

    def _named(self, name: str) -> Lake4Tensor:
        return self.tensors[name]

    def __contains__(self, name: object) -> bool:
        return name in self.tensors

    def __iter__(self) -> Any:
        raise TypeError("a dataset is not iterable: use .tensors for its tensors, penstock.DataLoader for samples")

    def __repr__(self) -> str:
        return f"Lake4Dataset('{self.path}', length={len(self)}, tensors={list(self.tensors)})"

    def __getstate__(self) -> dict[str, Any]:
        source = self._source.pinned(self.handle)
        return {"path": self.path, "_source": source, "view_id": self.view_id, "_expected": self.fingerprint()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def place(self, error: PenstockError) -> None:
        """Gives an error of the native core the path."""
        error.path = self.path

    def stored_in(self, tensors: Sequence[Tensor]) -> list[tuple[Dataset, list[Tensor]]]:
        """Its own samples: see :meth:`penstock.Dataset.stored_in`."""
        return [(self, list(tensors))]

    def fingerprint(self) -> str:
        """Sixteen hex digits that stand for the dataset's id, version (of a query result: its query), columns and
        length. Changes that are not committed do not show unless they change the length.
        """
        digest = hashlib.sha256()
        for part in (*self._source.identity(self.handle), *self.tensors, len(self)):
            digest.update(f"{part}\0".encode())
        return digest.hexdigest()[:16]

    @cached_property
    def _length(self) -> int:
        """Of the time of opening: of an object that is handed in, rows that come later are not seen."""
        length = len(self.handle)
        expected = self.__dict__.pop("_expected", None)
        if expected is not None:
            self.__dict__["_length"] = length
            if self.fingerprint() != expected:
                raise DatasetFormatError("the dataset has changed since it was sent to this process", path=self.path)
        return length
