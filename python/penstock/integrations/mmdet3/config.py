"""The keys of a dataset in a configuration of MMDetection 3: which there are, what they mean, what is wrong with them.

``train_dataloader.dataset`` and those of ``val_dataloader`` and ``test_dataloader``, with
``type="DeepLakeDetDataset"``:

- ``deeplake_path``: The dataset.
- ``deeplake_tensors``: {"img": ..., "gt_bboxes": ..., "gt_labels": ..., "gt_masks": ...}; what is not named is found
  by its htype.
- ``deeplake_credentials``: ``dict(creds=..., token=...)`` as in Deep Lake, ``creds`` as of :func:`penstock.open` and
  ``token`` for ``hub://``; or the creds by themselves.
- ``deeplake_commit_id``, ``deeplake_view_id``: Passed on when the dataset is opened.
- ``deeplake_dataloader_type``: "auto" (default), "c++", "cpp" or "python".
- ``deeplake_dataloader``: What MMDetection's ``train_dataloader`` has no key for: ``shuffle`` ("chunk" or "full", where
  the sampler shuffles), ``shuffle_window``, ``num_threads``, ``read_ahead_bytes``, ``memory_limit``, ``cache_dir``,
  ``cache_size``, ``cache``, ``cache_bytes``, ``on_error`` (of training); see :class:`penstock.DataLoader`.
- ``deeplake_metrics_format``: "COCO" (default) or "PascalVOC": whose rules for boxes it has, and whose metrics where
  the configuration has no evaluator.

These and ``deeplake_...`` at the top level of the configuration are the same, but for paths and tensors: those of a
dataset go before.

Of MMDetection's own: ``pipeline``, ``metainfo`` (``classes``: those to use; default: all that the dataset has),
``filter_cfg`` (``filter_empty_gt``, ``min_size``; with Pascal VOC's rules also ``bbox_min_size``), ``test_mode``,
``indices``, ``lazy_init``, ``max_refetch``, ``return_classes``, ``caption_prompt``. Those that concern annotation files
(``ann_file``, ``data_root``, ``data_prefix``, ...) may stand there, as they come with MMDetection's base
configurations; they are not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.checks import check_choice, check_integer, check_keys
from penstock.errors import ConfigError
from penstock.loading.coefficients import check_coefficient_cache
from penstock.loading.disk_cache import check_disk_cache
from penstock.loading.options import LOADER_TYPES, SHUFFLES
from penstock.loading.tolerance import error_policy

__all__ = ["METRICS_FORMATS", "TOP_KEYS", "check_dataset_keys", "check_filter", "checked_options", "loader_type_of"]

METRICS_FORMATS = ("COCO", "PascalVOC")
#: Keys that may stand at the top level of a configuration, for all its datasets.
TOP_KEYS = ("deeplake_dataloader_type", "deeplake_metrics_format")
#: Of a dataset, beside MMDetection's.
_KEYS = (
    *("deeplake_path", "deeplake_tensors", "deeplake_credentials", "deeplake_commit_id", "deeplake_view_id"),
    *("deeplake_dataloader", "deeplake_dataloader_type", "deeplake_metrics_format"),
)
#: MMDetection's, of BaseDetDataset.
_STOCK_KEYS = (
    *("pipeline", "metainfo", "filter_cfg", "indices", "test_mode", "lazy_init", "max_refetch"),
    *("return_classes", "caption_prompt"),
)
#: MMDetection's that are not used.
UNUSED_KEYS = (
    *("ann_file", "data_root", "data_prefix", "backend_args", "serialize_data", "seg_map_suffix"),
    *("img_subdir", "ann_subdir"),
)
#: Of MMDetection 2's datasets, and what stands for them here.
_OF_VERSION_2 = {
    "classes": "metainfo=dict(classes=...)",
    "filter_empty_gt": "filter_cfg=dict(filter_empty_gt=True, min_size=32)",
    "min_size": "filter_cfg=dict(bbox_min_size=...)",
    "img_prefix": "nothing: images come from deeplake_path",
}
_OPTIONS = (
    *("shuffle", "shuffle_window", "num_threads", "read_ahead_bytes", "memory_limit", "cache_dir", "cache_size"),
    *("cache", "cache_bytes", "on_error"),
)
#: Options of the dataloader itself, in MMDetection 3's configurations.
_OF_THE_LOADER = ("batch_size", "num_workers", "drop_last", "persistent_workers", "pin_memory", "prefetch_factor")
_FILTERS = {"COCO": ("filter_empty_gt", "min_size"), "PascalVOC": ("filter_empty_gt", "min_size", "bbox_min_size")}


def check_dataset_keys(where: str, given: Mapping[str, Any]) -> None:
    """Raises ConfigError for a key that a dataset does not have; for one of MMDetection 2 it says what is in its place.
    """
    for key, instead in _OF_VERSION_2.items():
        if key in given:
            raise ConfigError(f"{where}: '{key}' is a key of MMDetection 2", hint=f"In version 3 it is {instead}")
    if given.get("proposal_file") is not None:
        raise ConfigError(f"{where}: 'proposal_file' is not supported yet")
    if given.get("file_client_args") is not None:
        raise ConfigError(f"{where}: 'file_client_args' is a key of MMDetection 2", hint="Leave it out")
    check_keys(where, given, (*_KEYS, *_STOCK_KEYS, *UNUSED_KEYS, "proposal_file", "file_client_args"))


def check_filter(where: str, filter_cfg: Any, metrics_format: str, test_mode: bool) -> dict[str, Any]:
    """The filter's keys. Raises ConfigError for one that does not exist or a wrong value."""
    found = dict(filter_cfg or {})
    check_keys(f"{where}: filter_cfg", found, _FILTERS[metrics_format])
    for key in ("min_size", "bbox_min_size"):
        if found.get(key) is not None:
            check_integer(f"{where}: filter_cfg.{key}", found[key], 0)
    if not isinstance(found.get("filter_empty_gt", False), bool | None):
        value = found["filter_empty_gt"]
        raise ConfigError(f"{where}: filter_cfg.filter_empty_gt must be True or False, got {value!r}")
    if test_mode and found.get("bbox_min_size"):
        raise ConfigError(f"{where}: filter_cfg.bbox_min_size is for training: in testing all objects count")
    return found


def loader_type_of(value: Any) -> str:
    """``deeplake_dataloader_type`` as :class:`penstock.DataLoader` takes it; None: "auto". Raises ConfigError."""
    name = value.lower() if isinstance(value, str) else value or "auto"
    check_choice("deeplake_dataloader_type", name, LOADER_TYPES)
    return str(name)


def checked_options(where: str, options: Any, test_mode: bool) -> dict[str, Any]:
    """``deeplake_dataloader``. Raises ConfigError for an option that does not exist, or that stands elsewhere."""
    found = {key: value for key, value in (options or {}).items() if value is not None}
    where = f"{where}: deeplake_dataloader"
    for key in _OF_THE_LOADER:
        if key in found:
            raise ConfigError(f"{where}: '{key}' belongs beside 'dataset', into train_dataloader or val_dataloader")
    check_keys(where, found, _OPTIONS)
    for key, least in (("shuffle_window", 1), ("num_threads", 1), ("read_ahead_bytes", 0)):
        if key in found:
            check_integer(f"{where}: {key}", found[key], least)
    if "shuffle" in found and found["shuffle"] not in SHUFFLES:
        known = " or ".join(map(repr, SHUFFLES))
        raise ConfigError(
            f"{where}: shuffle is {known}, got {found['shuffle']!r}",
            hint="Whether it shuffles at all is the sampler's: sampler=dict(type='DefaultSampler', shuffle=True)",
        )
    if test_mode and "on_error" in found:
        raise ConfigError(f"{where}: on_error is for training: what validation left out would change its figures")
    try:
        check_disk_cache(found.get("cache_dir"), found.get("cache_size"))
        check_coefficient_cache(found.get("cache"), found.get("cache_bytes"), found.get("cache_dir"))
        if "on_error" in found:
            error_policy(found["on_error"])
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from None
    return found
