"""The commit tree of a dataset."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.dataset.keys import FIRST_COMMIT_ID, VERSION_INFO, VERSION_INFO_PICKLED, is_safe_key
from penstock.dataset.records import Record, read_record
from penstock.dataset.storage import LocalStore
from penstock.errors import UnsupportedError

__all__ = ["DEFAULT_BRANCH", "Version", "read_version"]

DEFAULT_BRANCH = "main"


@dataclass(frozen=True)
class Version:
    """One state of a dataset.

    Attributes:
        branch: The branch that it belongs to.
        commits: Its commit and that one's ancestors, the latest first.
    """

    branch: str
    commits: tuple[str, ...]

    @property
    def commit_id(self) -> str:
        return self.commits[0]


def read_version(store: LocalStore, branch: str = DEFAULT_BRANCH) -> Version:
    """The head of a branch, as committed or as being written since the last commit.

    Raises:
        DatasetFormatError: The version information is broken, or has no such branch.
        UnsupportedError: It is a pickle, as Hub 2 wrote it.
    """
    try:
        record = read_record(store, VERSION_INFO)
    except FileNotFoundError:
        if store.exists(VERSION_INFO_PICKLED):
            raise UnsupportedError(
                "the version information is a pickle, as Hub 2 wrote it, and pickles are not read",
                path=store.root,
                hint="Open the dataset once for writing with deeplake 3: it writes the file anew as JSON",
            ) from None
        # A dataset without version information has its first commit alone.
        return Version(branch, (FIRST_COMMIT_ID,))
    commit = record.record("branches").get(branch, str)
    return Version(branch, _ancestry(record, commit))


def _ancestry(record: Record, commit: str) -> tuple[str, ...]:
    commits = record.record("commits")
    chain: list[str] = []
    seen: set[str] = set()
    current: str | None = commit
    while current is not None:
        if current in seen:
            raise record.broken(f"the commit '{current}' is its own ancestor")
        if not is_safe_key(current) or "/" in current:
            raise record.broken(f"{current!r} is not a commit id")
        chain.append(current)
        seen.add(current)
        current = commits.record(current).get_optional("parent", str)
    return tuple(chain)
