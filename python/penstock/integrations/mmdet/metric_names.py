"""The formats of metrics, their metrics and options: which there are, and which belong together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from penstock.checks import check_choice, check_integer, check_keys, did_you_mean
from penstock.errors import ConfigError

__all__ = ["EVAL_MODES", "check_evaluation", "check_metrics", "eval_mode_of", "format_of", "without_hook_options"]

#: The first metric of each format is its default.
_METRICS = {
    "COCO": ("bbox", "segm", "proposal", "proposal_fast"),
    "PascalVOC": ("mAP", "recall"),
}
#: What the figures' names begin with, but for bbox and segm.
_FIGURES = {
    "proposal": ("AR", "mAP"),
    "proposal_fast": ("AR",),
    "mAP": ("mAP", "AP"),
    "recall": ("recall", "AR"),
}
#: Arguments of each format's ``evaluate``, but for the logger, which is the run's.
_OPTIONS = {
    "COCO": ("metric", "jsonfile_prefix", "classwise", "proposal_nums", "iou_thrs", "metric_items"),
    "PascalVOC": ("metric", "proposal_nums", "iou_thr", "scale_ranges", "eval_mode"),
}
#: What mmcv's and MMDetection's evaluation hooks take from ``evaluation`` for themselves.
_HOOK_OPTIONS = (
    *("start", "interval", "by_epoch", "save_best", "rule", "test_fn", "greater_keys", "less_keys", "out_dir"),
    *("file_client_args", "dynamic_intervals", "tmpdir", "gpu_collect", "broadcast_bn_buffer"),
)
_ITEMS = (
    *("mAP", "mAP_50", "mAP_75", "mAP_s", "mAP_m", "mAP_l"),
    *("AR@100", "AR@300", "AR@1000", "AR_s@1000", "AR_m@1000", "AR_l@1000"),
)
#: How precision is averaged: at recalls of 0, 0.1, ..., 1 as in VOC2007, or over all recalls as in VOC2012.
EVAL_MODES = ("11points", "area")
_MODE_OF_YEAR = {"2007": "11points", "2012": "area"}


def format_of(cfg: Mapping[str, Any]) -> str:
    """``deeplake_metrics_format`` of a configuration, "COCO" by default. Raises ConfigError for an unknown one."""
    value = cfg.get("deeplake_metrics_format") or "COCO"
    check_choice("deeplake_metrics_format", value, _METRICS)
    return str(value)


def check_metrics(
    names: str | Iterable[str] | None, metrics_format: str, where: str = "evaluation.metric"
) -> list[str]:
    """The metrics as a list, the format's default where none is named. Raises ConfigError for one that the format does
    not have.
    """
    if names is not None and not isinstance(names, Iterable):
        raise ConfigError(f"{where}: a name or a list of names is needed, got {names!r}")
    found = [names] if isinstance(names, str) else list(names or _METRICS[metrics_format][:1])
    for name in found:
        if name in _METRICS[metrics_format]:
            continue
        for other, metrics in _METRICS.items():
            if name in metrics:
                raise ConfigError(
                    f"{where}: '{name}' is a metric of deeplake_metrics_format='{other}', not of '{metrics_format}'",
                    hint=did_you_mean("", _METRICS[metrics_format]),
                )
        raise ConfigError(f"{where}: there is no '{name}'", hint=did_you_mean(str(name), _METRICS[metrics_format]))
    return found


def check_evaluation(cfg: Mapping[str, Any]) -> list[str]:
    """The metrics that a configuration asks for.

    Raises:
        ConfigError: A format, metric or option that does not exist, or that belongs to another format.
    """
    metrics_format = format_of(cfg)
    options = cfg.get("evaluation") or {}
    check_keys("evaluation", options, (*_OPTIONS[metrics_format], *_HOOK_OPTIONS))
    items = options.get("metric_items")
    for item in [items] if isinstance(items, str) else items or ():
        check_choice("evaluation.metric_items", item, _ITEMS)
    if options.get("eval_mode") is not None:
        check_choice("evaluation.eval_mode", options["eval_mode"], EVAL_MODES)
    metrics = check_metrics(options.get("metric"), metrics_format)
    _check_schedule(options)
    _check_numbers(options, metrics)
    _check_best(options, metrics)
    return metrics


def _check_schedule(options: Mapping[str, Any]) -> None:
    for key, least in (("interval", 1), ("start", 0)):
        if options.get(key) is not None:
            check_integer(f"evaluation.{key}", options[key], least)


def _check_numbers(options: Mapping[str, Any], metrics: list[str]) -> None:
    """Finds what ends an evaluation after it has computed for a while."""
    thresholds = options.get("iou_thrs")
    if isinstance(thresholds, int | float):
        raise ConfigError(f"evaluation.iou_thrs: a list is needed, got {thresholds!r}", hint=f"Use [{thresholds!r}]")
    numbers = options.get("proposal_nums")
    if numbers is None:
        return
    # pycocotools looks at the third of them.
    least = 3 if {"bbox", "segm", "proposal"} & set(metrics) else 1
    if isinstance(numbers, int | str) or len(numbers) < least:
        what = "three numbers are" if least == 3 else "a list is"
        raise ConfigError(f"evaluation.proposal_nums: {what} needed, got {numbers!r}", hint="Use (100, 300, 1000)")


def _check_best(options: Mapping[str, Any], metrics: list[str]) -> None:
    """``save_best`` has to name a figure that the metrics give; those of several datasets begin with a number."""
    key = options.get("save_best")
    if key is None or key == "auto":
        return
    items = options.get("metric_items") or _ITEMS[:6]
    named = [f"{metric}_{item}" for metric in metrics for item in ([items] if isinstance(items, str) else items)]
    figure = re.sub(r"^\d+_", "", str(key))
    # Numbers are part of the other metrics' figures.
    starts = tuple(start for metric in metrics for start in _FIGURES.get(metric, ()))
    if figure not in named and not figure.startswith(starts):
        names = ", ".join(f"'{metric}'" for metric in metrics)
        hint = did_you_mean(figure, [*(named if len(starts) < len(metrics) else []), *starts, "auto"])
        raise ConfigError(f"evaluation.save_best: '{key}' is no figure of {names}", hint=hint)


def without_hook_options(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """What of ``evaluation`` are arguments of a dataset's ``evaluate``."""
    return {key: value for key, value in evaluation.items() if key not in _HOOK_OPTIONS}


def eval_mode_of(cfg: Mapping[str, Any]) -> tuple[str, str]:
    """How Pascal VOC's precision is averaged on a dataset, and why, where a name in a path decides; else "".

    Args:
        cfg: The dataset's keys. The first of ``img_prefix`` and ``deeplake_path`` that names VOC2007 or VOC2012
            decides; where neither does, it is as in VOC2007.
    """
    for key in ("img_prefix", "deeplake_path"):
        place = cfg.get(key)
        for path in place if isinstance(place, list | tuple) else [place]:
            year = re.search(r"voc[-_ ]?(2007|2012)", str(path), re.IGNORECASE)
            if year:
                return _MODE_OF_YEAR[year[1]], f"'{year[0]}' in its {key}"
    return EVAL_MODES[0], ""
