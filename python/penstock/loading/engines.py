"""The two loaders behind :class:`penstock.DataLoader`, and what lets them bear bad samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock.loading.engine import Engine
from penstock.loading.native.loader import NativeLoader
from penstock.loading.options import LoaderOptions
from penstock.loading.python_loader import PythonLoader
from penstock.loading.samples import Samples
from penstock.loading.tolerance import ErrorPolicy, TolerantEngine

__all__ = ["make_engine"]


def make_engine(
    native: bool,
    policy: ErrorPolicy | None,
    sampler: Any,
    samples: Samples,
    options: LoaderOptions,
    collate: Callable[[list[Any]], Any] | None,
) -> Engine:
    """What runs plans.

    Args:
        native: In C++; else in Python.
        policy: Which errors it bears; None: none.
        sampler: Where the plans' order is from.
        samples, options: What is loaded, and how.
        collate: Makes batches of single samples; None: the default.
    """
    engine: Engine = (NativeLoader if native else PythonLoader)(samples, options, collate)
    return engine if policy is None else TolerantEngine(engine, policy, len(samples), sampler)
