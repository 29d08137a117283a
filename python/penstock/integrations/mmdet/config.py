"""The keys of a configuration: which there are, what they mean, what is wrong with them.

``data.train`` and ``data.val``:

- ``pipeline``: MMDetection's pipeline. Default: ``train_pipeline`` or ``test_pipeline`` of the configuration.
- ``deeplake_path``: The dataset.
- ``deeplake_tensors``: {"img": ..., "gt_bboxes": ..., "gt_labels": ..., "gt_masks": ...}; what is not named is found
  by its htype.
- ``deeplake_dataloader``: {"shuffle": ..., "batch_size": ..., "num_workers": ...}, and ``drop_last``,
  ``persistent_workers``, ``pin_memory``, ``prefetch_factor``, ``shuffle_window``, ``read_ahead_bytes``,
  ``cache_dir``, ``cache_size``, ``cache``, ``cache_bytes``, ``on_error`` (of training). ``shuffle`` may also be
  "chunk" or "full": see :class:`penstock.DataLoader`.
- ``deeplake_credentials``: ``dict(creds=..., token=...)`` as in Deep Lake, ``creds`` as of :func:`penstock.open` and
  ``token`` for ``hub://``; or the creds by themselves. Ignored for local datasets: they need none.
- ``deeplake_commit_id``, ``deeplake_view_id``: Passed on when the dataset is opened.
- ``classes``: Names of the classes to use. Default: all.
- ``filter_empty_gt``: In training, leave out images without boxes of the classes. Default: True.
- ``deeplake_metrics_format``: That of the top level, for ``build_dataset``, which is given a split alone.
- ``min_size``: With Pascal VOC's rules, objects narrower or lower than so many pixels are ignored in training.

Datasets may be wrapped and nested as in MMDetection: ``type="RepeatDataset"``, ``"ClassBalancedDataset"``,
``"MultiImageMixDataset"`` (training), ``"ConcatDataset"``, a list of datasets, or a list as ``deeplake_path`` (and as
the other keys that belong to a path, an entry for each). Keys beginning with ``deeplake_``, ``classes`` and, but for
MultiImageMixDataset, ``pipeline`` may stand beside a wrapper's own: the datasets within take them where they have none.

Keys of MMDetection's datasets that concern annotation files (``type``, ``ann_file``, ``img_prefix``, ...) may
stand there, as they come with MMDetection's base configurations; they are not used.

``data``: ``samples_per_gpu``, ``workers_per_gpu``, ``persistent_workers``, ``train_dataloader``,
``val_dataloader``, as in MMDetection; ``deeplake_dataloader`` goes before them.

Top level: ``deeplake_dataloader_type`` ("auto", "c++", "cpp", "python"), ``deeplake_metrics_format``,
``evaluation`` (dict(metric=["bbox"], interval=1)) and MMDetection's own.

``deeplake_metrics_format`` decides about metrics and about the rules for boxes, whatever ``type`` a split has:

- "COCO" (default): metrics "bbox", "segm", "proposal" and "proposal_fast", with MMDetection's options ``classwise``,
  ``proposal_nums``, ``iou_thrs``, ``metric_items``. Crowds are ignored boxes.
- "PascalVOC": metrics "mAP" (default) and "recall", with ``iou_thr`` and ``proposal_nums``. Boxes that the dataset
  marks as difficult are ignored. ``evaluation=dict(eval_mode=...)`` is how precision is averaged: "11points" as in
  VOC2007, or "area" as in VOC2012. Without it a "VOC2007" or "VOC2012" in the split's ``img_prefix``, as MMDetection's
  base configurations have it, or in its ``deeplake_path`` decides; where neither names a year it is "11points".

Of MMDetection's own:

- ``runner``: "EpochBasedRunner" and "IterBasedRunner" do not sleep when an epoch turns; see
  :mod:`penstock.integrations.mmdet.training.runners`. A runner of the user's own is built as it is.
- ``workflow``: [("train", 1), ("val", 1)] logs the losses on ``data.val`` too, prepared as ``data.train`` says.
- ``resume_from``, ``auto_resume``: go on with the batch that would have come next, with the random numbers that would
  have come next, also within an epoch (``checkpoint_config=dict(interval=1000, by_epoch=False)``). The gradients that a
  ``GradientCumulativeOptimizerHook`` has accumulated and the averages of an ``EMAHook`` go on, too.
- ``gpu_ids``, ``dist_params``, ``find_unused_parameters``, ``broadcast_buffers``: with ``distributed=True``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.checks import check_choice, check_integer, check_keys
from penstock.errors import ConfigError
from penstock.integrations.mmdet.config_tree import read_tree
from penstock.integrations.mmdet.metric_names import check_evaluation, eval_mode_of, format_of
from penstock.integrations.mmdet.run_keys import check_runner, check_workflow
from penstock.integrations.openmmlab.credentials import creds_of
from penstock.loading.coefficients import check_coefficient_cache
from penstock.loading.disk_cache import check_disk_cache
from penstock.loading.options import LOADER_TYPES, SHUFFLES
from penstock.loading.tolerance import error_policy

__all__ = [
    "SPLIT_KEYS",
    "STOCK_KEYS",
    "TOP_KEYS",
    "LoaderSettings",
    "Split",
    "check_config",
    "loader_type_of",
    "parse_loader",
    "parse_split",
]

logger = logging.getLogger("penstock")

#: Ours at the top level of a configuration.
TOP_KEYS = ("deeplake_dataloader_type", "deeplake_metrics_format")
#: Keys of a dataset.
SPLIT_KEYS = (
    "pipeline",
    "deeplake_path",
    "deeplake_tensors",
    "deeplake_dataloader",
    "deeplake_credentials",
    "deeplake_commit_id",
    "deeplake_view_id",
    "deeplake_metrics_format",
    "classes",
    "filter_empty_gt",
    "min_size",
)
#: Keys of MMDetection's own datasets, which are not used.
STOCK_KEYS = (
    *("type", "ann_file", "data_root", "img_prefix", "seg_prefix", "seg_suffix", "proposal_file"),
    *("test_mode", "file_client_args", "samples_per_gpu", "img_subdir", "ann_subdir"),
    # Of OpenImages and of panoptic segmentation.
    *("label_file", "image_level_ann_file", "hierarchy_file", "meta_file", "get_supercategory", "get_metas"),
    *("load_from_file", "filter_labels", "load_image_level_labels", "ins_ann_file"),
)
#: Names of a loader's options in MMDetection and in Deep Lake, and what they set.
_LOADER_KEYS = {
    "samples_per_gpu": "batch_size",
    "batch_size": "batch_size",
    "workers_per_gpu": "num_workers",
    "num_workers": "num_workers",
    "shuffle": "shuffle",
    "drop_last": "drop_last",
    "persistent_workers": "persistent_workers",
    "pin_memory": "pin_memory",
    "prefetch_factor": "prefetch_factor",
    "shuffle_window": "shuffle_window",
    "on_error": "on_error",
    "read_ahead_bytes": "read_ahead_bytes",
    "cache_dir": "cache_dir",
    "cache_size": "cache_size",
    "cache": "cache",
    "cache_bytes": "cache_bytes",
}
#: Of those that are numbers, the least.
_LEAST = {"batch_size": 1, "num_workers": 0, "prefetch_factor": 1, "shuffle_window": 1, "read_ahead_bytes": 0}
_DATA_KEYS = (
    *("train", "val", "test", "samples_per_gpu", "workers_per_gpu", "persistent_workers", "imgs_per_gpu"),
    *("train_dataloader", "val_dataloader", "test_dataloader"),
)


@dataclass(frozen=True)
class Split:
    """What ``data.train`` or ``data.val`` says; see the module's table."""

    pipeline: Sequence[Mapping[str, Any]]
    path: str | None = None
    tensors: Mapping[str, str] | None = None
    credentials: Any = None
    commit: str | None = None
    view: str | None = None
    classes: Sequence[str] | str | None = None
    filter_empty_gt: bool = True
    metrics_format: str = "COCO"
    min_size: float | None = None
    eval_mode: str = "11points"


@dataclass(frozen=True)
class LoaderSettings:
    """How batches are made.

    Attributes:
        batch_size: Samples in a batch.
        num_workers: Threads of the C++ loader, worker processes of the Python loader.
        shuffle: In groups of like aspect ratio; "chunk" or "full" where True is not to choose.
        options: Further arguments of :class:`penstock.DataLoader`.
    """

    batch_size: int
    num_workers: int
    shuffle: bool | str
    options: Mapping[str, Any] = field(default_factory=dict)


def check_config(cfg: Mapping[str, Any], *, validate: bool) -> None:
    """Finds what cannot work before anything is opened.

    Raises:
        ConfigError: A key, loader type, metric or format that does not exist or is not supported yet.
    """
    ours = {key: value for key, value in cfg.items() if key.startswith("deeplake_")}
    check_keys("the configuration", ours, TOP_KEYS)
    loader_type_of(cfg)
    format_of(cfg)
    if not isinstance(cfg.get("data"), Mapping) or "train" not in cfg["data"]:
        raise ConfigError("the configuration has no data.train")
    for key, example in (("optimizer", "dict(type='SGD', lr=0.01)"), ("work_dir", "'work_dirs/first'")):
        if not cfg.get(key):
            raise ConfigError(f"the configuration has no {key}", hint=f"{key}={example}")
    check_runner(cfg)
    check_keys("data", cfg["data"], _DATA_KEYS)
    check_workflow(cfg.get("workflow") or [("train", 1)])
    if cfg.get("seed") is not None:
        check_integer("seed", cfg["seed"], 0)
    if validate:
        check_evaluation(cfg)


def loader_type_of(cfg: Mapping[str, Any]) -> str:
    """The configuration's ``deeplake_dataloader_type``, "auto" by default. Raises ConfigError."""
    value = cfg.get("deeplake_dataloader_type", "auto")
    name = value.lower() if isinstance(value, str) else value
    check_choice("deeplake_dataloader_type", name, LOADER_TYPES)
    return str(name)


def parse_split(where: str, cfg: Mapping[str, Any], pipeline: Sequence[Mapping[str, Any]] | None = None) -> Split:
    """Reads the keys of one dataset, ``data.train`` or ``data.val`` or one within their wrappers.

    Args:
        where: Its name, for messages.
        cfg: Its keys.
        pipeline: The pipeline to take where it has none.

    Raises:
        ConfigError: An unknown key or metrics format, no pipeline.
    """
    if not isinstance(cfg, Mapping):
        raise ConfigError(f"{where}: a dict with a dataset's keys is needed, got {cfg!r}")
    check_keys(where, cfg, (*SPLIT_KEYS, *STOCK_KEYS))
    if cfg.get("proposal_file") is not None:
        raise ConfigError(f"{where}: 'proposal_file' is not supported yet")
    metrics_format = format_of(cfg)
    if cfg.get("min_size") is not None and metrics_format != "PascalVOC":
        raise ConfigError(f"{where}: min_size={cfg['min_size']!r} is a rule of deeplake_metrics_format='PascalVOC'")
    if not isinstance(cfg.get("filter_empty_gt", True), bool | None):
        raise ConfigError(f"{where}: filter_empty_gt must be True or False, got {cfg['filter_empty_gt']!r}")
    eval_mode, because = eval_mode_of(cfg)
    if because and metrics_format == "PascalVOC" and cfg.get("test_mode"):
        logger.info(
            "%s: precision is averaged as eval_mode='%s' says, because of %s; evaluation.eval_mode goes before",
            *(where, eval_mode, because),
        )
    steps = cfg.get("pipeline") or pipeline
    if not steps:
        raise ConfigError(f"{where}: there is no pipeline")
    return Split(
        pipeline=steps,
        path=cfg.get("deeplake_path"),
        tensors=cfg.get("deeplake_tensors"),
        credentials=creds_of(cfg.get("deeplake_credentials"), cfg.get("deeplake_path"), where),
        commit=cfg.get("deeplake_commit_id") or None,
        view=cfg.get("deeplake_view_id") or None,
        classes=cfg.get("classes"),
        filter_empty_gt=cfg.get("filter_empty_gt", True),
        metrics_format=metrics_format,
        min_size=cfg.get("min_size"),
        eval_mode=eval_mode,
    )


def parse_loader(data: Mapping[str, Any], name: str) -> LoaderSettings:
    """The loader's settings for the split ``name`` ("train", "val") of ``data``.

    As in MMDetection a batch of training has ``samples_per_gpu`` images (2 by default) and one of validation
    a single image unless its own options say otherwise, and both have ``workers_per_gpu`` workers (2 by
    default).

    Raises:
        ConfigError: An unknown or wrong option.
    """
    split = read_tree(data.get(name) or {}, f"data.{name}").settings()
    common = ("workers_per_gpu", "samples_per_gpu", "persistent_workers") if name == "train" else ("workers_per_gpu",)
    found: dict[str, Any] = {
        "batch_size": 2 if name == "train" else 1,
        "num_workers": 2,
        "shuffle": name == "train",
    }
    for where, options in (
        ("data", {key: data[key] for key in common if key in data}),
        (f"data.{name}", {key: split[key] for key in ("samples_per_gpu",) if key in split}),
        (f"data.{name}_dataloader", data.get(f"{name}_dataloader") or {}),
        (f"data.{name}.deeplake_dataloader", split.get("deeplake_dataloader") or {}),
    ):
        check_keys(where, options, _LOADER_KEYS)
        found.update({_LOADER_KEYS[key]: value for key, value in options.items() if value is not None})
    for key, least in _LEAST.items():
        check_integer(f"data.{name}: {key}", found.get(key, least), least)
    try:
        check_disk_cache(found.get("cache_dir"), found.get("cache_size"))
        check_coefficient_cache(found.get("cache"), found.get("cache_bytes"), found.get("cache_dir"))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"data.{name}: {error}") from None
    if "on_error" in found:
        if name != "train":
            raise ConfigError(
                f"data.{name}: on_error is for training: what validation left out would change its figures"
            )
        try:
            error_policy(found["on_error"])
        except (TypeError, ValueError) as error:
            raise ConfigError(f"data.{name}: {error}") from None
    for key in ("drop_last", "persistent_workers", "pin_memory"):
        if not isinstance(found.get(key, False), bool):
            raise ConfigError(f"data.{name}: {key} must be True or False, got {found[key]!r}")
    if not isinstance(found["shuffle"], bool) and found["shuffle"] not in SHUFFLES:
        known = ", ".join(map(repr, SHUFFLES))
        raise ConfigError(f"data.{name}: shuffle must be True, False or one of {known}, got {found['shuffle']!r}")
    if name != "train" and found["shuffle"]:
        logger.warning("data.%s: shuffle is ignored: results go by the order of the dataset", name)
        found["shuffle"] = False
    return LoaderSettings(found.pop("batch_size"), found.pop("num_workers"), found.pop("shuffle"), found)
