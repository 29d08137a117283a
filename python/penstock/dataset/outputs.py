"""Files and folders that a user names to be written: none takes the place of a folder, or lies within a dataset."""

from __future__ import annotations

import os
from pathlib import Path

from penstock.dataset.lake3.keys import DATASET_META, DEEPLAKE4_LOG, VERSION_INFO, VERSION_INFO_PICKLED
from penstock.errors import ConfigError

__all__ = ["check_output_file", "check_output_folder"]

_MARKS = (DATASET_META, VERSION_INFO, VERSION_INFO_PICKLED, DEEPLAKE4_LOG)


def check_output_file(option: str, path: Path, *, folder_needed: bool = True) -> None:
    """Finds what would keep a file from being written, or what it would damage, before anything is computed.

    Args:
        option: Its name, for messages.
        path: The file, which may exist: it is replaced.
        folder_needed: The folder that it goes to has to exist; else it is made.

    Raises:
        ConfigError: The path is a folder, has no folder, lies within a Deep Lake dataset, or this user may not write
            there.
    """
    if path.is_dir():
        raise ConfigError(f"{option}: '{path}' is a folder", hint="Name a file")
    parent = path.absolute().parent
    if folder_needed and not parent.is_dir():
        raise ConfigError(f"{option}: there is no folder '{path.parent}'")
    check_output_folder(option, parent)
    written = path if path.exists() else parent
    if written.exists() and not os.access(written, os.W_OK):
        raise ConfigError(f"{option}: '{path}' cannot be written", hint="Name a file in a folder that is yours")


def check_output_folder(option: str, path: Path) -> None:
    """Raises ConfigError for a folder, which may have to be made, that is a file or lies within a Deep Lake dataset."""
    real = Path(os.path.realpath(path))
    for folder in (real, *real.parents):
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"{option}: '{folder}' is a file, not a folder")
        if any((folder / mark).exists() for mark in _MARKS):
            raise ConfigError(f"{option}: '{path}' lies within the dataset '{folder}'", hint="Choose another folder")
