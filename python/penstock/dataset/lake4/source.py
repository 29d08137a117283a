"""Where a Deep Lake 4 dataset comes from, to open it again elsewhere."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass, replace
from typing import Any

from penstock.errors import (
    CommitNotFoundError,
    DatasetFormatError,
    DatasetNotFoundError,
    PenstockError,
    UnsupportedError,
)
from penstock.extras import import_extra
from penstock.similar import similar
from penstock.storage.secrets import Secret

__all__ = ["Source", "import_deeplake4", "path_of"]

#: What a dataset with changes that are not committed calls its version.
_UNCOMMITTED = "9999999999"


def import_deeplake4(path: str) -> Any:
    """The package ``deeplake``, of version 4.

    Raises:
        MissingExtraError: It is not installed.
        UnsupportedError: It is of version 3.
    """
    deeplake = import_extra("deeplake", f"the Deep Lake 4 dataset '{path}'", "deeplake4")
    version = str(getattr(deeplake, "__version__", "unknown"))
    if version.partition(".")[0] in ("2", "3"):
        raise UnsupportedError(
            f"this is a Deep Lake 4 dataset, and the installed deeplake is {version}",
            path=path,
            hint="In an environment of its own, since 3 and 4 exclude each other: pip install 'penstock[deeplake4]'",
        )
    return deeplake


def path_of(handle: Any) -> str:
    """Path or URL of an object of the package; "" where it does not tell."""
    return str(_place(handle).get("url", "")).removesuffix("/")


def _place(handle: Any) -> dict[str, Any]:
    """The object's own description of its storage."""
    try:
        state = json.loads(handle.__getstate__()[0])
        reader = (state[0] if isinstance(state, list) else state)["reader"]
    except Exception:
        return {}
    return reader if isinstance(reader, dict) else {}


@dataclass(frozen=True)
class Source:
    """What to open.

    Attributes:
        path: Directory or URL.
        commit: A branch, a tag or the id of a version; None for the head of the branch "main".
        branch: Where given, ``commit`` is a version of this branch.
        state: A pickled object of the package, instead: of a query result.
        creds: Of a bucket, what the package takes as ``creds``, or a function that gives it.
    """

    path: str
    commit: str | None = None
    branch: str | None = None
    state: bytes | None = None
    creds: Secret | None = None

    def open(self) -> Any:
        """The package's object. Raises CommitNotFoundError, DatasetNotFoundError, DatasetFormatError."""
        deeplake = import_deeplake4(self.path)
        try:
            if self.state is not None:
                return pickle.loads(self.state)
            head = deeplake.open_read_only(self.path, **self._creds())
            if self.branch is not None:
                return head.branches[self.branch].open().history[self.commit].open()
            return head if self.commit is None else self.at(head)
        except PenstockError:
            raise
        except Exception as error:
            missing = type(error).__name__ == "LogNotexistsError"
            kind = DatasetNotFoundError if missing else DatasetFormatError
            if self.creds is None:
                raise kind(f"deeplake cannot open it: {type(error).__name__}: {error}", path=self.path) from error
            failed = type(error).__name__
        # Of a bucket, the package's own words may hold what it asked with.
        raise kind(f"deeplake cannot open it: {failed}", path=self.path)

    def _creds(self) -> dict[str, Any]:
        given = None if self.creds is None else self.creds.reveal()
        given = given() if callable(given) else given
        if not given or given == "ENV":
            return {}
        return {"creds": {name: str(value) for name, value in given.items()}}

    def at(self, head: Any) -> Any:
        """``commit`` of a dataset that is open. Raises CommitNotFoundError."""
        assert self.commit is not None
        branches, tags = list(head.branches.names()), list(head.tags.names())
        if self.commit in branches:
            return head.branches[self.commit].open()
        if self.commit in tags:
            return head.tags[self.commit].open()
        known = []
        # Each branch counts its versions from one: the one that is open comes first.
        for name in sorted(branches, key=lambda name: (name != head.current_branch.name, name != "main")):
            history = head.branches[name].open().history
            ids = [version.id for version in history]
            if self.commit in ids:
                return history[self.commit].open()
            known += ids
        raise CommitNotFoundError(
            f"there is no branch, tag or version '{self.commit}'",
            path=self.path,
            hint=similar(self.commit, [*branches, *tags, *dict.fromkeys(known)], "The dataset has no versions"),
        )

    def pinned(self, handle: Any) -> Source:
        """The same, however the dataset goes on. Raises UnsupportedError for changes that are not committed."""
        version = getattr(handle, "version", None)
        if version is None:
            return replace(self, state=pickle.dumps(handle))
        if str(version).startswith(_UNCOMMITTED):
            raise UnsupportedError(
                "a dataset with changes that are not committed cannot go to another process",
                path=self.path,
                hint="Commit them first",
            )
        return Source(self.path, str(version), str(handle.current_branch.name), creds=self.creds)

    def identity(self, handle: Any) -> tuple[str, ...]:
        """What tells its samples from those of others."""
        version = getattr(handle, "version", None)
        if version is not None:
            return (str(handle.id), str(handle.current_branch.id), str(version))
        try:
            return tuple(str(part) for part in handle.__getstate__())
        except Exception:
            return ("a query result that does not tell its query",)

    def reader(self, handle: Any) -> Any:
        """A ``deeplake.storage.Reader`` of the dataset's directory."""
        reader = getattr(handle, "_reader", None)
        if reader is not None:
            return reader
        deeplake = import_deeplake4(self.path)
        return deeplake.storage.Reader(self.path, _place(handle).get("params") or self._creds().get("creds", {}))
