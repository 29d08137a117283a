"""A directory that appears when it is complete, in the place of nothing that anybody else has put there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from penstock.errors import StorageError

__all__ = ["check_target", "new_dataset_directory"]

_HINT = "Choose another name, or overwrite it (--overwrite, overwrite=True)"


def check_target(out: Path, *, overwrite: bool) -> None:
    """Raises StorageError where :func:`new_dataset_directory` would before any work."""
    with _place_of(Path(os.path.realpath(out)), overwrite):
        pass


@contextlib.contextmanager
def new_dataset_directory(out: Path, *, overwrite: bool, keep: bool = False) -> Iterator[Path]:
    """Gives a path where nothing is yet. What the caller has made there when the context ends becomes ``out``; after an
    exception it is removed, and ``out`` is as before.

    The work lies in a directory of its own beside ``out``, and nothing else is removed. Of several that write to one
    ``out`` at the same time one succeeds.

    Args:
        out: What does not exist, or is an empty directory; a link stands for what it leads to.
        overwrite: May also be a Deep Lake 3 dataset.
        keep: Work that an exception or the process's end interrupts stays where it is, and the next call with ``keep``
            finds it: something may be at the path already. What else lies in the directory above the path is the
            caller's too, and goes when the work is done.

    Raises:
        StorageError: ``out`` exists, or came to be or was replaced meanwhile; or the disk failed; or, with ``keep``,
            another process is at work.
    """
    target = Path(os.path.realpath(out))
    with _place_of(target, overwrite) as before:
        made = _make_parents(target)
        work, done = _work_directory(target, keep), False
        try:
            with contextlib.ExitStack() as held:
                try:
                    # Within, because an exception may come at any time: SIGTERM is one.
                    _begin_work(work, keep, held)
                    # A directory within: the other is for its owner alone.
                    yield work / "dataset"
                    _move(work / "dataset", target, work / "replaced", before)
                    done = True
                finally:
                    # A dataset that could be put neither away nor back stays where it is.
                    if (done or not keep) and (not (work / "replaced").exists() or target.exists()):
                        shutil.rmtree(work, ignore_errors=True)
        except BaseException:
            for folder in made:
                with contextlib.suppress(OSError):
                    folder.rmdir()
            raise


def _work_directory(target: Path, keep: bool) -> Path:
    """Where to work, beside the target. What is kept has a name that the next call knows, else one that nobody has."""
    # A name has 255 bytes at most.
    name = target.name.encode()[:100].decode(errors="ignore")
    return target.parent / (f".{name}.resume" if keep else f".{name}.{secrets.token_hex(8)}.partial")


def _begin_work(work: Path, keep: bool, held: contextlib.ExitStack) -> None:
    """Makes the directory. What is kept is locked until ``held`` ends."""
    try:
        work.mkdir(mode=0o700, exist_ok=keep)
        if keep:
            held.enter_context(_locked(work))
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(f"nothing can be written in '{work.parent}': {error.strerror}") from error


@contextlib.contextmanager
def _locked(work: Path) -> Iterator[None]:
    """Keeps other processes from working in a directory; the system lets go of it when this process ends."""
    number = os.open(work, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise StorageError(f"another process is at work in '{work}'", hint="Wait until it is done") from None
    finally:
        os.close(number)


def _make_parents(target: Path) -> list[Path]:
    """Makes the directories above; those that it made, the innermost first."""
    missing = [folder for folder in target.parents if not folder.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"the directory '{target.parent}' cannot be made: {error.strerror}") from error
    return missing


class _Before(NamedTuple):
    """What was at the target: nothing, an empty directory, or a dataset to replace.

    Attributes:
        kind: "nothing", "empty" or "dataset".
        number: Device and number of the directory.
    """

    kind: str
    number: tuple[int, int] | None = None


@contextlib.contextmanager
def _place_of(target: Path, overwrite: bool) -> Iterator[_Before]:
    try:
        # An open directory's number is given to no other one, even if it is removed.
        held = os.open(target, os.O_RDONLY)
    except FileNotFoundError:
        yield _Before("nothing")
        return
    except OSError as error:
        raise StorageError(f"'{target}' cannot be written to: {error.strerror}") from error
    try:
        status = os.fstat(held)
        yield _Before(_kind(target, overwrite), (status.st_dev, status.st_ino))
    finally:
        os.close(held)


def _kind(target: Path, overwrite: bool) -> str:
    if target.is_dir():
        if not any(target.iterdir()):
            return "empty"
        if overwrite and (target / "dataset_meta.json").exists():
            return "dataset"
    if overwrite:
        raise StorageError(f"'{target}' is no Deep Lake 3 dataset and is not replaced", hint="Remove it yourself")
    raise StorageError(f"'{target}' exists already", hint=_HINT)


def _move(made: Path, target: Path, aside: Path, before: _Before) -> None:
    changed = StorageError(f"'{target}' was written by somebody else meanwhile, and is left as it is", hint=_HINT)
    try:
        if before.kind == "dataset":
            if _number(target) != before.number:
                raise changed
            target.rename(aside)
            if _number(aside) != before.number:
                _put_back(aside, target)
                raise changed
        if before.kind != "empty":
            # os.rename would take the place of an empty directory: this one is ours.
            target.mkdir()
        elif _number(target) != before.number:
            raise changed
        try:
            made.rename(target)
        except BaseException:
            if before.kind != "empty":
                with contextlib.suppress(OSError):
                    target.rmdir()
            raise
    except BaseException as error:
        if aside.exists():
            _put_back(aside, target)
        if isinstance(error, OSError) and not isinstance(error, StorageError):
            # ENOTEMPTY, EEXIST and the like: whose directory it is now, it is not ours.
            raise StorageError(f"{changed.cause}: {error.strerror}", hint=_HINT) from error
        raise


def _put_back(aside: Path, target: Path) -> None:
    try:
        if target.exists():
            raise FileExistsError
        aside.rename(target)
    except OSError:
        kept = aside.parent.with_suffix(".replaced")
        aside.rename(kept)
        raise StorageError(
            f"'{target}' was written by somebody else meanwhile; the dataset that it was is '{kept}' now"
        ) from None


def _number(directory: Path) -> tuple[int, int]:
    status = directory.stat()
    return status.st_dev, status.st_ino
