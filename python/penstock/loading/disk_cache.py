"""The disk cache of remote datasets, as a user asks for it."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from penstock.dataset import Dataset
from penstock.described import described
from penstock.errors import ConfigError
from penstock.loading.byte_sizes import byte_size

__all__ = ["DiskCache", "check_disk_cache", "disk_cache_of"]

logger = logging.getLogger("penstock")


@dataclass(frozen=True)
class DiskCache:
    """A folder for the chunks of remote data.

    Attributes:
        folder: Its absolute path; it is made where it is missing.
        size: How many bytes may lie there, of all processes; None: what the core finds fit.
        roots: Of each store of the dataset its root; None for one that is no matter of the cache.
    """

    folder: str
    size: int | None
    roots: tuple[str | None, ...]


def check_disk_cache(cache_dir: object, cache_size: object) -> None:
    """Checks the arguments of these names, before a dataset is opened.

    Raises:
        TypeError, ValueError: They are no path and no size, or there is a size and no path.
        ConfigError: There is a file at the path.
    """
    if cache_dir is not None and not isinstance(cache_dir, str | os.PathLike):
        raise TypeError(f"cache_dir must be a path, got {described(cache_dir)}")
    if cache_dir is not None:
        if not os.fspath(cache_dir):
            raise ValueError("cache_dir must not be empty")
        folder = _folder(cache_dir)
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"cache_dir is no folder: '{folder}'")
    if cache_size is not None:
        byte_size("cache_size", cache_size)
        if cache_dir is None:
            raise ValueError("cache_size says how large cache_dir may become, and there is no cache_dir")


def disk_cache_of(
    dataset: Dataset,
    cache_dir: str | os.PathLike[str] | None,
    cache_size: int | str | None,
    *,
    native: bool,
    coefficients: bool = False,
) -> DiskCache | None:
    """The cache of a loader; None where there is none, for which a line in the log gives the reason.

    Args:
        dataset: What is loaded.
        cache_dir, cache_size: As :func:`check_disk_cache` takes them.
        native: Whether the core reads.
        coefficients: Whether coefficients of images are kept there too, also of local data.
    """
    if cache_dir is None:
        return None
    roots = tuple(store.root if store.remote else None for store in dataset.stores)
    if not any(roots) and not coefficients:
        logger.info("penstock: %s: cache_dir is not used: nothing is read from afar", dataset.path)
        return None
    if not native:
        logger.warning(
            "penstock: %s: the 'python' loader has no disk cache: cache_dir is not used",
            dataset.path,
        )
        return None
    size = None if cache_size is None else byte_size("cache_size", cache_size)
    return DiskCache(str(_folder(cache_dir)), size, roots)


def _folder(cache_dir: str | os.PathLike[str]) -> Path:
    return Path(cache_dir).expanduser().absolute()
