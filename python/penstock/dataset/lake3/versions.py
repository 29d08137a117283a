"""The commit tree of a dataset."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.dataset.lake3.keys import FIRST_COMMIT_ID, VERSION_INFO, VERSION_INFO_PICKLED, is_safe_key
from penstock.dataset.lake3.records import Record, read_record
from penstock.errors import CommitNotFoundError, UnsupportedError
from penstock.similar import similar
from penstock.storage.store import Store

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


def read_version(store: Store, commit: str | None = None) -> Version:
    """A commit, or the head of a branch, as committed or as being written since the last commit.

    Args:
        store: The dataset's files.
        commit: A branch's name or a commit's id, in this order, as in Deep Lake; None for the branch "main".

    Raises:
        CommitNotFoundError: There is no such branch or commit.
        DatasetFormatError: The version information is broken, or has no branch "main".
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
        if commit not in (None, DEFAULT_BRANCH, FIRST_COMMIT_ID):
            raise _not_found(store, str(commit), [DEFAULT_BRANCH, FIRST_COMMIT_ID]) from None
        return Version(DEFAULT_BRANCH, (FIRST_COMMIT_ID,))
    branches, commits = record.record("branches"), record.record("commits")
    if commit is None or commit in branches.values:
        branch = DEFAULT_BRANCH if commit is None else commit
        return Version(branch, _ancestry(commits, branches.get(branch, str)))
    if commit not in commits.values:
        raise _not_found(store, commit, [*branches.values, *commits.values])
    return Version(commits.record(commit).get("branch", str), _ancestry(commits, commit))


def _not_found(store: Store, commit: str, known: list[str]) -> CommitNotFoundError:
    return CommitNotFoundError(
        f"there is no commit or branch {commit!r}",
        path=store.root,
        hint=similar(commit, known, "The dataset has no branches"),
    )


def _ancestry(commits: Record, commit: str) -> tuple[str, ...]:
    chain: list[str] = []
    seen: set[str] = set()
    current: str | None = commit
    while current is not None:
        if current in seen:
            raise commits.broken(f"the commit '{current}' is its own ancestor")
        if not is_safe_key(current) or "/" in current:
            raise commits.broken(f"{current!r} is not a commit id")
        chain.append(current)
        seen.add(current)
        current = commits.record(current).get_optional("parent", str)
    return tuple(chain)
