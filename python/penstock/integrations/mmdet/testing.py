"""Evaluation of a checkpoint, as MMDetection's ``tools/test.py`` does it, on Deep Lake datasets."""

from __future__ import annotations

import copy
import functools
import logging
import os
import pickle
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import mmcv
import torch
import torch.distributed as dist
from mmcv.runner import get_dist_info, load_checkpoint, wrap_fp16_model
from mmdet.models import build_detector
from mmdet.utils import get_root_logger

from penstock.dataset import DatasetLike
from penstock.dataset.outputs import check_output_file, check_output_folder
from penstock.errors import ConfigError, StorageError
from penstock.integrations.mmdet.config import loader_type_of
from penstock.integrations.mmdet.detection_loader import DetectionLoader
from penstock.integrations.mmdet.metric_names import check_evaluation, without_hook_options
from penstock.integrations.mmdet.split_loader import build_split_loader
from penstock.integrations.mmdet.training.defaults import set_devices
from penstock.integrations.mmdet.training.device import OneDevice
from penstock.integrations.mmdet.training.evaluation import results_of_ranks
from penstock.integrations.mmdet.training.rank_log import log_of_rank_0
from penstock.integrations.ranks.distributed import has_launcher, joined_group, local_device, spawn
from penstock.progress import progress_bar

__all__ = ["test_detector"]

logger = logging.getLogger("penstock")


def test_detector(
    model: torch.nn.Module | None,
    cfg: Any,
    checkpoint: str | os.PathLike[str] | None = None,
    ds_test: DatasetLike | None = None,
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
        distributed: Share the images out to several processes, as :func:`train_detector` does. Each has its part of
            ``show_dir``; rank 0 writes the rest. All of them return the metrics.
        split: "test" or "val", in place of the choice above.
        out: Pickle file for the results, as ``tools/test.py`` writes it.
        format_only: Write the results as COCO's json files and compute no metrics; ``eval_options`` has to have
            ``jsonfile_prefix``. Of one dataset: like MMDetection's, several that are joined have no files in common.
        eval_options: Arguments of the dataset's ``evaluate``, in place of those in ``cfg.evaluation``.
        show_dir: Folder for the images with what was detected, in files of the images' names. None of these may exist:
            the folder could be that of the images themselves.
        show_score_thr: Draw what has at least this score.
        loader_type: In place of ``deeplake_dataloader_type``.

    Returns:
        The metrics by name; with ``format_only`` the files by kind of result.

    Raises:
        ConfigError: Something that cannot work, before the model runs.
        PenstockError: What opening and loading raise.
    """
    cfg = copy.deepcopy(cfg)
    if loader_type is not None:
        cfg.deeplake_dataloader_type = loader_type
    loader_type_of(cfg)
    set_devices(cfg, distributed=distributed)
    if split not in (None, "test", "val"):
        raise ConfigError(f"split: there is no '{split}'", hint="It is 'test' or 'val'")
    options = {**without_hook_options(cfg.get("evaluation") or {}), **(eval_options or {})}
    wanted = _Wanted(
        split=split or _split_of(cfg),
        metrics=check_evaluation({**cfg, "evaluation": {k: v for k, v in options.items() if k != "logger"}}),
        options=options,
        out=None if out is None else Path(out),
        format_only=format_only,
        show_dir=None if show_dir is None else Path(show_dir),
        show_score_thr=show_score_thr,
    )
    _check_output(wanted)
    given = (model, checkpoint, ds_test, ds_test_tensors)
    if not distributed:
        return _test(cfg, wanted, False, *given)
    if has_launcher():
        with joined_group(cfg):
            return _test(cfg, wanted, True, *given)
    with tempfile.TemporaryDirectory(prefix="penstock-metrics-") as folder:
        spawn(_test_as_rank, cfg, folder, wanted, True, *given, log=log_of_rank_0())
        found: dict[str, Any] = pickle.loads(Path(folder, "metrics").read_bytes())
        return found


@dataclass(frozen=True)
class _Wanted:
    """What is to come of an evaluation; see :func:`test_detector`."""

    split: str
    metrics: list[str]
    options: dict[str, Any]
    out: Path | None
    format_only: bool
    show_dir: Path | None
    show_score_thr: float


def _test_as_rank(cfg: Any, folder: str, *args: Any) -> None:
    """Evaluates as one of the processes that were started here. Rank 0 leaves the metrics in ``folder``."""
    found = _test(cfg, *args)
    if get_dist_info()[0] == 0:
        Path(folder, "metrics").write_bytes(pickle.dumps(found))


def _test(
    cfg: Any,
    wanted: _Wanted,
    distributed: bool,
    model: torch.nn.Module | None,
    checkpoint: str | os.PathLike[str] | None,
    ds_test: Any,
    tensors: Mapping[str, str] | None,
) -> dict[str, Any]:
    """Evaluates in this process; the metrics, on all ranks."""
    loader = build_split_loader(cfg, wanted.split, ds_test, tensors, dist=distributed)
    if wanted.format_only and len(loader.leaves) > 1:
        raise ConfigError("format_only: results of several datasets have no files in common", hint="Test one at a time")
    with loader:
        for leaf in () if wanted.format_only else loader.leaves:
            leaf.prepare_metrics(wanted.metrics)
        model = _loaded(model, cfg, checkpoint, loader.detection.CLASSES)
        wrapped = OneDevice(model, local_device(cfg, distributed=distributed))
        draw = None
        if wanted.show_dir is not None:
            _check_drawings(loader, wanted.show_dir, distributed)
            draw = functools.partial(_draw, model, loader, wanted.show_dir, wanted.show_score_thr)
        with progress_bar("image") if get_dist_info()[0] == 0 else nullcontext() as progress:
            results = results_of_ranks(wrapped, loader, progress=progress, seen=draw)
    found: list[dict[str, Any]] = [{}]
    if results is not None:
        found = [_outcome(loader.detection, results, cfg, wanted)]
    if distributed:
        dist.broadcast_object_list(found, src=0)
    return found[0]


def _outcome(dataset: Any, results: list[Any], cfg: Any, wanted: _Wanted) -> dict[str, Any]:
    if wanted.out is not None:
        mmcv.dump(results, os.fspath(wanted.out))
    options = dict(wanted.options)
    log = options.pop("logger", None) or get_root_logger(log_level=cfg.get("log_level", "INFO"))
    if wanted.format_only:
        files: dict[str, Any] = dataset.format_results(results, **options)[0]
        return files
    found: dict[str, Any] = dataset.evaluate(results, **{**options, "metric": wanted.metrics, "logger": log})
    return found


def _check_output(wanted: _Wanted) -> None:
    if wanted.out is not None and wanted.out.suffix not in (".pkl", ".pickle"):
        raise ConfigError(f"out='{wanted.out}': its name must end in .pkl or .pickle")
    if wanted.out is not None:
        check_output_file("out", wanted.out, folder_needed=False)
    if wanted.show_dir is not None:
        check_output_folder("show_dir", wanted.show_dir)
    if wanted.format_only and not wanted.options.get("jsonfile_prefix"):
        raise ConfigError(
            "format_only=True needs to know where the files go",
            hint="Pass eval_options=dict(jsonfile_prefix='results')",
        )
    prefix = wanted.options.get("jsonfile_prefix")
    for kind in ("bbox", "segm", "proposal") if prefix else ():
        check_output_file("jsonfile_prefix", Path(f"{prefix}.{kind}.json"), folder_needed=False)


def _check_drawings(loader: DetectionLoader, folder: Path, distributed: bool) -> None:
    """Raises ConfigError where a file would be replaced by the drawing of an image. Ranks draw once all have looked."""
    for leaf in loader.leaves:
        for info in leaf.data_infos:
            file = _within(folder, info["filename"])
            if file.exists():
                raise ConfigError(f"show_dir: '{file}' exists already", hint="Name a new folder, or an empty one")
    if distributed:
        dist.barrier()


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


def _draw(model: Any, loader: DetectionLoader, folder: Path, score_thr: float, item: int, result: Any) -> None:
    """Draws a result on the image as the dataset has it."""
    dataset, palette = loader.items, loader.detection.PALETTE
    names = dataset.names_of(int(dataset.indices[item]))
    colors = dict.fromkeys(("bbox_color", "text_color", "mask_color"), palette)
    model.show_result(
        dataset.read_image(item, "bgr"),
        result,
        score_thr=score_thr,
        show=False,
        out_file=os.fspath(_within(folder, names["ori_filename"])),
        **(colors if palette else {}),
    )


def _within(folder: Path, name: str) -> Path:
    """Where a file of a dataset is drawn: below ``folder``, whatever its name says."""
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", "..")]
    return folder.joinpath(*parts) if parts else folder / "unnamed.png"
