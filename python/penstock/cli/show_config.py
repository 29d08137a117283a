"""The samples of an MMDetection configuration's loader, for drawing."""

from __future__ import annotations

import argparse

from penstock.cli.source import open_source
from penstock.detection.shown import Shown
from penstock.errors import ConfigError

__all__ = ["check_options", "config_samples"]

_PLAIN = ("images", "boxes", "labels")
_CONFIGURED = {"split": "--split", "drawn_as": "--as", "loader_type": "--loader-type", "epoch": "--epoch"}


def check_options(arguments: argparse.Namespace) -> None:
    """Raises ValueError for options that do not go together."""
    if arguments.config is None:
        if arguments.path is None:
            raise ValueError("PATH is missing: name a dataset, or a configuration with --config")
        for name, option in _CONFIGURED.items():
            if getattr(arguments, name) is not None:
                raise ValueError(f"{option} goes with --config")
        return
    split = arguments.split or "train"
    for name in _PLAIN:
        if getattr(arguments, name) is not None:
            raise ValueError(f"--{name} does not go with --config, where data.{split}.deeplake_tensors names it")
    if arguments.path is None:
        for name in ("commit", "view"):
            if getattr(arguments, name) is not None:
                raise ValueError(f"--{name} goes with PATH; in a configuration it is data.{split}.deeplake_{name}_id")
    if arguments.shuffle and split != "train":
        raise ValueError(f"--shuffle does not go with --split {split}: only training is shuffled")
    if (arguments.epoch or 0) < 0:
        raise ValueError(f"--epoch must be at least 0, got {arguments.epoch}")


def config_samples(arguments: argparse.Namespace) -> list[Shown]:
    """The first ``-n`` samples, as the loader gives them.

    Raises:
        ConfigError: A configuration that cannot work; for ``--as original`` a pipeline that cannot be undone.
        MissingExtraError: MMDetection 2 is not installed.
    """
    from penstock.integrations.mmdet import split_loader
    from penstock.integrations.mmdet.building import has_path
    from penstock.integrations.mmdet.looking import pictures

    cfg = split_loader.read_config(arguments.config)
    split = arguments.split or "train"
    if arguments.loader_type is not None:
        cfg.deeplake_dataloader_type = arguments.loader_type
    dataset = None if arguments.path is None else open_source(arguments)
    if dataset is None and not has_path(cfg.data.get(split) or {}):
        raise ConfigError(f"data.{split} of '{arguments.config}' has no deeplake_path", hint="Give PATH")
    seed = arguments.seed if arguments.seed is not None else cfg.get("seed") or 0
    # No worker processes for a few samples.
    options = {"shuffle": arguments.shuffle, "seed": seed, "workers_per_gpu": 0, "persistent_workers": False}
    loader = split_loader.build_split_loader(cfg, split, dataset, **options)
    with loader:
        loader.set_epoch(arguments.epoch or 0)
        return pictures.first_samples(loader, arguments.n, original=arguments.drawn_as == "original")
