"""The cache of JPEGs' coefficients, as a user asks for it."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass

from penstock.dataset import Dataset
from penstock.described import described
from penstock.errors import ConfigError
from penstock.loading.byte_sizes import byte_size
from penstock.machine_memory import usable_memory
from penstock.similar import similar

__all__ = ["CACHES", "CoefficientCache", "check_coefficient_cache", "coefficient_cache_of"]

logger = logging.getLogger("penstock")

CACHES = ("coefficients",)
#: What a cache in memory may take of what the process could have, where nobody says how much.
_SHARE = 4


@dataclass(frozen=True)
class CoefficientCache:
    """Where coefficients are kept.

    Attributes:
        memory_bytes: How much of them in memory; None: in the folder of ``cache_dir``.
        roots: Of the folder: which datasets they are of, one for each store.
    """

    memory_bytes: int | None
    roots: tuple[str, ...]


def check_coefficient_cache(cache: object, cache_bytes: object, cache_dir: object) -> None:
    """Checks the arguments of these names, before a dataset is opened.

    Raises:
        TypeError, ValueError: No such cache, no size, or a size of a cache that is not asked for.
        ConfigError: A size in memory of a cache that lies in a folder.
    """
    if cache is not None and cache not in CACHES:
        hint = similar(cache, list(CACHES), "") if isinstance(cache, str) else ""
        raise ValueError(f"cache must be None or 'coefficients', got {described(cache)}. {hint}".rstrip())
    if cache_bytes is None:
        return
    byte_size("cache_bytes", cache_bytes)
    if cache is None:
        raise ValueError(
            "cache_bytes says how much memory the cache of coefficients may take: it needs "
            "cache='coefficients' (the chunks' budget is chunk_cache_bytes)"
        )
    if cache_dir is not None:
        raise ConfigError(
            "cache_bytes is of a cache in memory, and with cache_dir coefficients lie in its folder: "
            "leave one of them out (cache_size says how much the folder may hold)"
        )


def coefficient_cache_of(
    dataset: Dataset,
    cache: str | None,
    cache_bytes: int | str | None,
    cache_dir: str | os.PathLike[str] | None,
    *,
    native: bool,
) -> CoefficientCache | None:
    """The cache of a loader; None where there is none, for which a line in the log gives the reason.

    Args:
        dataset: What is loaded.
        cache, cache_bytes, cache_dir: As :func:`check_coefficient_cache` takes them.
        native: Whether the core reads.
    """
    if cache is None:
        return None
    if not native:
        logger.warning("penstock: %s: the 'python' loader keeps no coefficients: cache is not used", dataset.path)
        return None
    roots: tuple[str, ...] = ()
    if cache_dir is not None:
        roots = tuple(store.root if store.remote else os.path.realpath(store.root) for store in dataset.stores)
        if not roots:
            logger.warning(
                "penstock: %s: coefficients are kept in memory, not in cache_dir: nothing tells other processes "
                "whether the dataset is the same",
                dataset.path,
            )
    if not roots:
        size = usable_memory() // _SHARE if cache_bytes is None else byte_size("cache_bytes", cache_bytes)
        logger.info("penstock: %s: coefficients are kept in memory, up to %d MB", dataset.path, size // 10**6)
        return CoefficientCache(size, ())
    return CoefficientCache(None, roots)
