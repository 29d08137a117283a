"""Blocks that are configurations: loaded by their framework, and their loader gives a batch."""

from __future__ import annotations

from typing import Any

from support.doc_blocks import Block, BlockError
from support.doc_world import World
from support.require import PROJECT_ROOT

__all__ = ["check_configuration"]


def check_configuration(block: Block, world: World) -> None:
    """Writes the configuration into the page's folder, and takes the first batch of its training.

    The file has the name that the rule "file" gives, so that later commands of the page find it, else "config.py".

    Raises:
        BlockError: The configuration is not one, or its loader gives no batch.
    """
    base = block.rules.base
    before = (PROJECT_ROOT / base).read_text() + "\n" if base else ""
    file = world.write(block.rules.file or "config.py", before + world.with_buckets_as_folders(block.text))
    try:
        loader = _LOADERS[str(block.rules.framework)](str(file))
        batch = next(iter(loader))
        loader.close()
    except Exception as error:
        raise BlockError(f"{block.place}: {type(error).__name__}: {error}") from error
    if not batch:
        raise BlockError(f"{block.place}: the loader gives an empty batch")


def _mmdet(file: str) -> Any:
    from penstock.integrations.mmdet.split_loader import build_split_loader, read_config

    return build_split_loader(read_config(file), "train")


def _mmdet3(file: str) -> Any:
    from mmengine.config import Config

    from penstock.integrations.mmdet3 import build_dataloader

    cfg = Config.fromfile(file)
    if cfg.get("runner_type") != "PenstockRunner":
        raise ValueError("runner_type is not PenstockRunner")
    cfg.train_dataloader.update(num_workers=1, persistent_workers=False)
    return build_dataloader(cfg.train_dataloader, seed=0)


_LOADERS = {"mmdet": _mmdet, "mmdet3": _mmdet3}
