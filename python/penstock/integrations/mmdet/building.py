"""Datasets from MMDetection configurations, with MMDetection's own wrappers around ours."""

from __future__ import annotations

import copy
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmdet.datasets import ClassBalancedDataset, ConcatDataset, MultiImageMixDataset, RepeatDataset

from penstock.checks import check_keys
from penstock.dataset import Dataset, DatasetLike, open_dataset
from penstock.detection.tensors import resolve_tensors
from penstock.errors import ConfigError, PenstockError
from penstock.integrations.mmdet.config import SPLIT_KEYS, STOCK_KEYS, Split, parse_split
from penstock.integrations.mmdet.config_tree import LISTED, WRAPPERS, Node, read_tree
from penstock.integrations.mmdet.data.dataset import DeepLakeCocoDataset
from penstock.integrations.mmdet.data.voc import DeepLakeVOCDataset
from penstock.integrations.mmdet.pipeline.build_steps import check_steps, loads_masks

__all__ = ["build_dataset", "has_path"]

logger = logging.getLogger("penstock")

#: Keys of a wrapper that stand for those of the datasets within where these have none.
_HANDED_DOWN = tuple(key for key in SPLIT_KEYS if key.startswith("deeplake_") or key in ("pipeline", "classes"))
#: Of MMDetection's datasets those whose figures would be others.
_OTHER_METRICS = frozenset(
    {"LVISDataset", "LVISV05Dataset", "LVISV1Dataset", "OpenImagesDataset", "OpenImagesChallengeDataset"}
)


def build_dataset(
    cfg: Mapping[str, Any] | Sequence[Any],
    default_args: Mapping[str, Any] | None = None,
    *,
    dataset: DatasetLike | None = None,
    tensors: Mapping[str, str] | None = None,
    pipeline: Sequence[Mapping[str, Any]] | None = None,
    where: str = "the dataset's configuration",
    prepare: Callable[[Sequence[Mapping[str, Any]]], Sequence[Mapping[str, Any]]] | None = None,
) -> Any:
    """The dataset of ``data.train`` or ``data.val``.

    Args:
        cfg: Its keys; see :mod:`penstock.integrations.mmdet.config`. As in MMDetection a ``RepeatDataset``,
            ``ConcatDataset``, ``ClassBalancedDataset`` or ``MultiImageMixDataset``, nested as needed, a list of
            datasets, or one with a list as ``deeplake_path``.
        default_args: Keys to take where ``cfg`` has none; ``dict(test_mode=True)`` for validation.
        dataset: Stands in for ``deeplake_path`` and the keys that belong to it (commit, view, credentials).
        tensors: Stands in for ``deeplake_tensors``.
        pipeline: The pipeline to take where ``cfg`` has none.
        where: Name of the configuration, for messages.
        prepare: Makes the pipeline of each Deep Lake dataset from the configured one.

    Returns:
        A :class:`DeepLakeCocoDataset`, or MMDetection's own wrapper around such.

    Raises:
        ConfigError: Keys, pipeline or tensors that cannot work.
        PenstockError: What :func:`penstock.open` raises.
    """
    tree = read_tree(cfg, where)
    builder = _Builder(dict(default_args or {}), dataset, tensors, prepare)
    if dataset is not None:
        leaves = tree.count(LISTED[1:])
        if leaves != 1:
            raise ConfigError(
                f"{where} has {leaves} datasets, and one was passed to stand in for deeplake_path",
                hint="Give each its deeplake_path in the configuration",
            )
    return builder.build(tree, {} if pipeline is None else {"pipeline": pipeline})


def has_path(cfg: Mapping[str, Any] | Sequence[Any], where: str = "the dataset's configuration") -> bool:
    """Whether a configuration of ``data`` has a ``deeplake_path``, itself or in one of the datasets within."""
    return read_tree(cfg, where).has_path


@dataclass(frozen=True)
class _Builder:
    """Builds a tree of datasets from its configuration."""

    default_args: dict[str, Any]
    dataset: Any
    tensors: Mapping[str, str] | None
    prepare: Callable[[Sequence[Mapping[str, Any]]], Sequence[Mapping[str, Any]]] | None

    def build(self, node: Node, handed_down: dict[str, Any]) -> Any:
        if node.kind == "list":
            return self._concat(node.inner, node.where, handed_down)
        if node.kind:
            return self._wrapped(node, handed_down)
        keys = {**handed_down, **{key: value for key, value in node.keys.items() if value is not None}}
        if self.dataset is None and isinstance(keys.get("deeplake_path"), (list, tuple)):
            return self._listed(keys, node.where)
        return self._leaf(keys, node.where)

    def _wrapped(self, node: Node, handed_down: dict[str, Any]) -> Any:
        kind, cfg, where = node.kind, node.keys, node.where
        inner, own = WRAPPERS[kind]
        # What a configuration inherits of the dataset that it wraps is let pass, as MMDetection lets it.
        check_keys(where, cfg, {inner, *own, *SPLIT_KEYS, *STOCK_KEYS})
        if not node.inner:
            raise ConfigError(f"{where}: '{kind}' needs '{inner}'")
        if self.default_args.get("test_mode") and kind != "ConcatDataset":
            raise ConfigError(f"{where}: '{kind}' is for training", hint="Validate on the dataset within it")
        handed_down = {**handed_down, **{key: cfg[key] for key in _HANDED_DOWN if cfg.get(key) is not None}}
        if kind == "ConcatDataset":
            return self._concat(node.inner, f"{where}.{inner}", handed_down, cfg.get("separate_eval", True))
        arguments = {key: cfg[key] for key in own if key in cfg}
        if kind == "RepeatDataset":
            _check_number(where, arguments, "times", int, 1)
            wrapper = RepeatDataset
        elif kind == "ClassBalancedDataset":
            _check_number(where, arguments, "oversample_thr", float, 0)
            wrapper = ClassBalancedDataset
        else:
            # This pipeline is the wrapper's: the dataset within has one of its own.
            steps = handed_down.pop("pipeline", None)
            if not steps:
                raise ConfigError(f"{where}: there is no pipeline")
            check_steps(steps, where)
            arguments["pipeline"] = [dict(step) for step in steps]
            wrapper = MultiImageMixDataset
        built = self.build(node.inner[0], handed_down)
        return _constructed(where, kind, lambda: wrapper(built, **arguments))

    def _concat(
        self, nodes: Sequence[Node], where: str, handed_down: dict[str, Any], separate_eval: bool = True
    ) -> Any:
        built = [self.build(node, handed_down) for node in nodes]
        first = built[0].CLASSES
        for number, one in enumerate(built):
            if tuple(one.CLASSES) != tuple(first):
                raise ConfigError(
                    f"{where}: the classes of the datasets 0 and {number} differ, or their order does: a label would "
                    "not mean the same in both",
                    hint="Name those to use, in one order: classes=(...)",
                )
        return _constructed(where, "ConcatDataset", lambda: ConcatDataset(built, separate_eval))

    def _listed(self, cfg: dict[str, Any], where: str) -> Any:
        """A dataset for each entry of deeplake_path, as MMDetection has one for each of ann_file."""
        paths = cfg["deeplake_path"]
        single = []
        for number in range(len(paths)):
            one = copy.copy(cfg)
            one.pop("separate_eval", None)
            for key in LISTED:
                value = cfg.get(key)
                if isinstance(value, (list, tuple)):
                    if len(value) != len(paths):
                        raise ConfigError(f"{where}: {key} has {len(value)} entries for {len(paths)} of deeplake_path")
                    one[key] = value[number]
            single.append(Node(f"{where}[{number}]", one))
        if not single:
            raise ConfigError(f"{where}: a list of datasets is needed, got []")
        return self._concat(single, where, {}, cfg.get("separate_eval", True))

    def _leaf(self, cfg: dict[str, Any], where: str) -> DeepLakeCocoDataset:
        merged = {**self.default_args, **cfg}
        if self.dataset is not None and isinstance(merged.get("deeplake_path"), (list, tuple)):
            merged["deeplake_path"] = None
        split = parse_split(where, merged)
        opened = self._open(split, where)
        steps = split.pipeline if self.prepare is None else self.prepare(split.pipeline)
        check_steps(steps, where)
        if merged.get("test_mode") and str(merged.get("type")) in _OTHER_METRICS:
            logger.warning(
                "%s: MMDetection's '%s' has metrics of its own; these are those of deeplake_metrics_format='%s'",
                *(where, merged["type"], split.metrics_format),
            )
        masks = loads_masks(steps)
        kind: Any = DeepLakeCocoDataset
        if split.metrics_format == DeepLakeVOCDataset.METRICS_FORMAT:
            kind = functools.partial(DeepLakeVOCDataset, min_size=split.min_size, eval_mode=split.eval_mode)
        built: DeepLakeCocoDataset = kind(
            opened,
            resolve_tensors(opened, self.tensors or split.tensors, masks=masks),
            steps,
            classes=split.classes,
            test_mode=bool(merged.get("test_mode", False)),
            filter_empty_gt=split.filter_empty_gt,
        )
        return built

    def _open(self, split: Split, where: str) -> Dataset:
        if self.dataset is not None:
            return open_dataset(self.dataset)
        if split.path is None:
            raise ConfigError(f"{where} has no deeplake_path")
        try:
            return open_dataset(split.path, commit=split.commit, view=split.view, creds=split.credentials)
        except TypeError as error:
            raise ConfigError(f"{where}: deeplake_path: {error}") from None


def _check_number(where: str, arguments: Mapping[str, Any], name: str, kind: type, least: float) -> None:
    value = arguments.get(name)
    numbers = (int,) if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, numbers) or value < least:
        what = "an int" if kind is int else "a number"
        raise ConfigError(f"{where}: {name} must be {what} of at least {least}, got {value!r}")


def _constructed(where: str, kind: str, construct: Callable[[], Any]) -> Any:
    """MMDetection's wrapper; what it says of its arguments as an error of the configuration."""
    try:
        return construct()
    except PenstockError:
        raise
    except Exception as error:
        # It checks its arguments with assertions, among others.
        raise ConfigError(f"{where}: '{kind}' cannot be built: {error or type(error).__name__}") from error
