"""The loader of an MMDetection configuration, and how long its steps take in Python."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from penstock.dataset import Dataset
from penstock.loader import DataLoader
from penstock.loading.draws import Stream
from penstock.loading.options import resolve_loader_type
from penstock.loading.seeded_globals import seeded_globals

__all__ = ["config_loader", "python_steps"]

#: Items on which steps are timed; the first one warms up.
_ITEMS = 6


def config_loader(dataset: Dataset, arguments: argparse.Namespace) -> tuple[list[str], DataLoader]:
    """The loader of ``--split`` of ``--config``, on ``dataset``; before it the names of the tensors that it uses.

    Raises:
        ConfigError: A configuration that cannot work.
        MissingExtraError: MMDetection 2 is not installed.
    """
    for option in ("tensors", "shuffle"):
        if getattr(arguments, option):
            raise ValueError(f"--{option} does not go with --config, where it is a key of data.{arguments.split}")
    from penstock.integrations.mmdet import split_loader
    from penstock.integrations.mmdet.config import loader_type_of

    cfg = split_loader.read_config(arguments.config)
    if arguments.loader_type is not None:
        cfg.deeplake_dataloader_type = arguments.loader_type
    options: dict[str, Any] = {} if arguments.cache is None else {"cache": arguments.cache}
    if arguments.batch_size is not None:
        options["samples_per_gpu"] = arguments.batch_size
    if arguments.threads is not None:
        python = resolve_loader_type(loader_type_of(cfg)) == "python"
        options["workers_per_gpu" if python else "num_threads"] = arguments.threads
    loader = split_loader.build_split_loader(cfg, arguments.split, dataset, **options)
    return [name for name in vars(loader.leaves[0].tensors).values() if isinstance(name, str)], loader


def python_steps(loader: Any) -> list[tuple[str, float]]:
    """The steps of a configuration's pipeline that run in Python, by name, with the seconds that each takes on a
    sample: the median over a few, timed in this process."""
    runner = loader.items.runner
    rounds = []
    for item in range(min(_ITEMS, len(loader.items))):
        with seeded_globals(0, 0, item):
            rounds.append(runner.step_seconds(item, Stream(0, 0, item)))
    whole = [seconds for seconds in rounds[1:] or rounds if len(seconds) == len(loader.steps)]
    if not whole:
        return []
    medians = np.median(np.array(whole), axis=0)
    return [
        (step.name, float(seconds)) for step, seconds in zip(loader.steps, medians, strict=True) if not step.native
    ]
