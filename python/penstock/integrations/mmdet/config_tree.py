"""What stands under ``data.train`` or ``data.val``: a dataset, or wrappers around some, as a tree.

This is the one place that knows how wrappers of datasets are nested in a configuration. The keys of a dataset are those
of :mod:`penstock.integrations.mmdet.config`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.checks import did_you_mean
from penstock.errors import ConfigError

__all__ = ["LISTED", "WRAPPERS", "Node", "read_tree"]

#: The wrappers: the key of what they wrap, and their own keys.
WRAPPERS = {
    "ConcatDataset": ("datasets", ("separate_eval",)),
    "RepeatDataset": ("dataset", ("times",)),
    "ClassBalancedDataset": ("dataset", ("oversample_thr", "filter_empty_gt")),
    "MultiImageMixDataset": ("dataset", ("pipeline", "dynamic_scale", "skip_type_keys", "max_refetch")),
}
#: Keys that may hold a list, an entry for each dataset, where deeplake_path does.
LISTED = ("deeplake_path", "deeplake_credentials", "deeplake_commit_id", "deeplake_view_id", "deeplake_tensors")
#: Keys that say how a split is loaded.
_SETTINGS = ("samples_per_gpu", "deeplake_dataloader")


@dataclass(frozen=True)
class Node:
    """A dataset's keys, or those of a wrapper or a list around others.

    Attributes:
        where: Its name, for messages.
        keys: As they stand there; none of a list.
        kind: The wrapper's type, "list", or "" of a dataset.
        inner: What it wraps, from left to right; empty where a wrapper lacks it.
    """

    where: str
    keys: Mapping[str, Any]
    kind: str = ""
    inner: tuple[Node, ...] = ()

    @property
    def has_path(self) -> bool:
        """Whether there is a ``deeplake_path``, here or within."""
        return bool(self.keys.get("deeplake_path")) or any(node.has_path for node in self.inner)

    def leaves(self) -> Iterator[Node]:
        """The datasets, from left to right."""
        if not self.kind:
            yield self
        for node in self.inner:
            yield from node.leaves()

    def count(self, listed: Sequence[str] = LISTED) -> int:
        """How many datasets there are.

        Args:
            listed: Keys where a list means several.
        """
        lists = [[leaf.keys[key] for key in listed if _is_list(leaf.keys.get(key))] for leaf in self.leaves()]
        return sum(len(found[0]) if found else 1 for found in lists)

    def settings(self) -> Mapping[str, Any]:
        """The keys that say how to load: those of the outermost that has such, else of the first dataset."""
        if self.inner and not any(key in self.keys for key in _SETTINGS):
            return self.inner[0].settings()
        return self.keys


def read_tree(cfg: Any, where: str) -> Node:
    """The tree of a configuration.

    Raises:
        ConfigError: Neither a dict nor a list of such, a wrapper that does not exist, or a list without a dataset.
    """
    if _is_list(cfg):
        return Node(where, {}, "list", _all_of(cfg, where))
    if not isinstance(cfg, Mapping):
        raise ConfigError(f"{where}: a dict with a dataset's keys is needed, or a list of such, got {cfg!r}")
    kind = str(cfg.get("type"))
    if kind not in WRAPPERS:
        if {"dataset", "datasets"} & cfg.keys():
            raise ConfigError(f"there is no wrapper of datasets '{kind}'", hint=did_you_mean(kind, WRAPPERS))
        return Node(where, cfg)
    inner, _ = WRAPPERS[kind]
    if inner not in cfg:
        return Node(where, cfg, kind)
    if kind == "ConcatDataset":
        return Node(where, cfg, kind, _all_of(cfg[inner], f"{where}.{inner}"))
    return Node(where, cfg, kind, (read_tree(cfg[inner], f"{where}.{inner}"),))


def _all_of(cfgs: Any, where: str) -> tuple[Node, ...]:
    if not _is_list(cfgs) or not cfgs:
        raise ConfigError(f"{where}: a list of datasets is needed, got {cfgs!r}")
    return tuple(read_tree(cfg, f"{where}[{number}]") for number, cfg in enumerate(cfgs))


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))
