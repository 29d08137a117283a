"""The caches that outlive an epoch, as the core is told of them."""

from __future__ import annotations

import functools
import logging
from typing import Any

from penstock.dataset import Dataset
from penstock.loading.coefficients import coefficient_cache_of
from penstock.loading.disk_cache import disk_cache_of
from penstock.loading.native.sources import native_roots
from penstock.loading.options import LoaderOptions

__all__ = ["cache_arguments"]

logger = logging.getLogger("penstock")


def cache_arguments(dataset: Dataset, options: LoaderOptions) -> dict[str, Any]:
    """Arguments of the core's loader, of which there are none without a cache. The log says what is not used, and why.

    Args:
        dataset: What is loaded.
        options: What the user has asked for.
    """
    arguments: dict[str, Any] = {}
    kept = coefficient_cache_of(dataset, options.cache, options.cache_bytes, options.cache_dir, native=True)
    in_folder = kept is not None and bool(kept.roots)
    if kept is not None:
        arguments |= {"coefficient_bytes": kept.memory_bytes, "coefficient_roots": kept.roots or None}
    disk = disk_cache_of(dataset, options.cache_dir, options.cache_size, native=True, coefficients=in_folder)
    if disk is not None:
        arguments |= {
            "cache_dir": disk.folder,
            "cache_size": disk.size,
            "cache_identity": native_roots(disk.roots),
            "cache_report": functools.partial(logger.warning, "penstock: %s"),
        }
    return arguments
