"""Evaluation of a checkpoint, as MMDetection's ``tools/test.py`` does it, on Deep Lake datasets."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import mmcv
import torch
from mmcv.runner import load_checkpoint, wrap_fp16_model
from mmdet.core import encode_mask_results
from mmdet.models import build_detector
from mmdet.utils import get_device, get_root_logger

from penstock.cli.progress import progress
from penstock.dataset import Dataset
from penstock.errors import ConfigError, StorageError
from penstock.integrations.mmdet.config import loader_type_of
from penstock.integrations.mmdet.device import OneDevice
from penstock.integrations.mmdet.loader import DetectionLoader
from penstock.integrations.mmdet.metric_names import check_evaluation, without_hook_options
from penstock.integrations.mmdet.split_loader import build_split_loader

__all__ = ["test_detector"]

logger = logging.getLogger("penstock")


def test_detector(
    model: torch.nn.Module | None,
    cfg: Any,
    checkpoint: str | os.PathLike[str] | None = None,
    ds_test: Dataset | str | os.PathLike[str] | Any = None,
    ds_test_tensors: Mapping[str, str] | None = None,
    distributed: bool = False,
    *,
    split: str | None = None,
    out: str | os.PathLike[str] | None = None,
    format_only: bool = False,
    eval_options: Mapping[str, Any] | None = None,
    show_dir: str | os.PathLike[str] | None = None,
    show_score_thr: float = 0.3,
    loader_type: str | None = None,
) -> dict[str, Any]:
    """Evaluates a detector on ``data.test``, or on ``data.val`` where ``data.test`` has no dataset.

    Args:
        model: From ``build_detector``; None: built from ``cfg.model``.
        cfg: An ``mmcv.Config``, which is not changed; see :mod:`penstock.integrations.mmdet.config` for its keys.
        checkpoint: File of the weights; default: those that ``model`` has.
        ds_test: A dataset or view, of penstock or deeplake 3, or its path; stands in for ``deeplake_path``.
        ds_test_tensors: Stand in for ``deeplake_tensors``.
        distributed: Not supported yet.
        split: "test" or "val", in place of the choice above.
        out: Pickle file for the results, as ``tools/test.py`` writes it.
        format_only: Write the results as COCO's json files and compute no metrics; ``eval_options`` has to have
            ``jsonfile_prefix``.
        eval_options: Arguments of the dataset's ``evaluate``, in place of those in ``cfg.evaluation``.
        show_dir: Folder for the images with what was detected, in files of the images' names.
        show_score_thr: Draw what has at least this score.
        loader_type: In place of ``deeplake_dataloader_type``.

    Returns:
        The metrics by name; with ``format_only`` the files by kind of result.

    Raises:
        ConfigError: Something that cannot work, before the model runs.
        PenstockError: What opening and loading raise.
    """
    if distributed:
        raise ConfigError("evaluation in several processes is not supported yet", hint="Pass distributed=False")
    cfg = copy.deepcopy(cfg)
    if loader_type is not None:
        cfg.deeplake_dataloader_type = loader_type
    loader_type_of(cfg)
    if split not in (None, "test", "val"):
        raise ConfigError(f"split: there is no '{split}'", hint="It is 'test' or 'val'")
    options = {**without_hook_options(cfg.get("evaluation") or {}), **(eval_options or {})}
    log = options.pop("logger", None) or get_root_logger(log_level=cfg.get("log_level", "INFO"))
    metrics = check_evaluation({**cfg, "evaluation": options})
    _check_output(out, options if format_only else None)
    loader = build_split_loader(cfg, split or _split_of(cfg), ds_test, ds_test_tensors)
    dataset = loader.detection
    if format_only and len(loader.leaves) > 1:
        raise ConfigError("format_only: results of several datasets have no files in common", hint="Test one at a time")
    with loader:
        for leaf in () if format_only else loader.leaves:
            leaf.prepare_metrics(metrics)
        model = _loaded(model, cfg, checkpoint, dataset.CLASSES)
        results = list(_results(model, cfg, loader, show_dir, show_score_thr))
    if out is not None:
        mmcv.dump(results, os.fspath(out))
    if format_only:
        files: dict[str, Any] = dataset.format_results(results, **options)[0]
        return files
    found: dict[str, Any] = dataset.evaluate(results, **{**options, "metric": metrics, "logger": log})
    return found


def _check_output(out: str | os.PathLike[str] | None, format_options: Mapping[str, Any] | None) -> None:
    if out is not None and Path(out).suffix not in (".pkl", ".pickle"):
        raise ConfigError(f"out='{os.fspath(out)}': its name must end in .pkl or .pickle")
    if format_options is not None and not format_options.get("jsonfile_prefix"):
        raise ConfigError(
            "format_only=True needs to know where the files go",
            hint="Pass eval_options=dict(jsonfile_prefix='results')",
        )


def _split_of(cfg: Any) -> str:
    test = cfg.data.get("test")
    # A wrapper of datasets, or several in a list, has no path itself.
    has_none = test is None or (isinstance(test, Mapping) and not {"deeplake_path", "dataset", "datasets"} & set(test))
    return "val" if has_none else "test"


def _loaded(
    model: torch.nn.Module | None, cfg: Any, checkpoint: str | os.PathLike[str] | None, classes: Sequence[str]
) -> torch.nn.Module:
    """The model with its weights and class names. Its classes are checked against those of the dataset."""
    built = build_detector(cfg.model) if model is None else model
    if cfg.get("fp16") is not None:
        wrap_fp16_model(built)
    if checkpoint is not None:
        try:
            meta = load_checkpoint(built, os.fspath(checkpoint), map_location="cpu").get("meta") or {}
        except OSError as error:
            raise StorageError(f"the checkpoint '{os.fspath(checkpoint)}' cannot be read: {error}") from error
        built.CLASSES = meta.get("CLASSES", getattr(built, "CLASSES", None))
    known = getattr(built, "CLASSES", None)
    if known is None:
        built.CLASSES = classes
    elif len(known) != len(classes):
        raise ConfigError(f"the detector knows {len(known)} classes, and the dataset has {len(classes)}")
    elif tuple(known) != tuple(classes):
        logger.warning("the detector's classes have other names than the dataset's: %s, %s", known, classes)
    return built


def _results(
    model: torch.nn.Module,
    cfg: Any,
    loader: DetectionLoader,
    show_dir: str | os.PathLike[str] | None,
    score_thr: float,
) -> Iterator[Any]:
    """The detector's result on each image, masks as run lengths."""
    name = cfg.get("device") or get_device()
    device = torch.device("cpu") if name == "cpu" else torch.device(name, (cfg.get("gpu_ids") or [0])[0])
    wrapped = OneDevice(model, device).eval()
    item = 0
    for batch in progress(loader, len(loader), "batch"):
        with torch.no_grad():
            found = wrapped(return_loss=False, rescale=True, **batch)
        for result in found:
            if show_dir is not None:
                _draw(model, loader, item, result, Path(show_dir), score_thr)
            if isinstance(result, tuple):
                result = (result[0], encode_mask_results(result[1]))
            yield result
            item += 1


def _draw(model: Any, loader: DetectionLoader, item: int, result: Any, folder: Path, score_thr: float) -> None:
    """Draws a result on the image as the dataset has it."""
    dataset, palette = loader.items, loader.detection.PALETTE
    names = dataset.names_of(int(dataset.indices[item]))
    colors = dict.fromkeys(("bbox_color", "text_color", "mask_color"), palette)
    model.show_result(
        dataset.read_image(item, "bgr"),
        result,
        score_thr=score_thr,
        show=False,
        out_file=os.fspath(folder / names["ori_filename"]),
        **(colors if palette else {}),
    )
