"""Training, as MMDetection does it, on Deep Lake datasets."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmcv.runner import get_dist_info
from mmcv.utils import import_modules_from_strings

from penstock.dataset import DatasetLike
from penstock.integrations.mmdet.config import check_config
from penstock.integrations.mmdet.metric_names import check_evaluation
from penstock.integrations.mmdet.split_loader import build_split_loader
from penstock.integrations.mmdet.training.checks import check_before_opening
from penstock.integrations.mmdet.training.defaults import with_defaults
from penstock.integrations.mmdet.training.losses_loader import build_losses_loader
from penstock.integrations.mmdet.training.rank_log import log_of_rank_0
from penstock.integrations.mmdet.training.run import run_training
from penstock.integrations.ranks.distributed import has_launcher, joined_group, spawn
from penstock.loading.sampling import base_seed

__all__ = ["train_detector"]

#: A dataset that was passed, and its tensors.
_Given = tuple[DatasetLike | None, Mapping[str, str] | None]


def train_detector(
    model: torch.nn.Module,
    cfg: Any,
    ds_train: DatasetLike | None = None,
    ds_train_tensors: Mapping[str, str] | None = None,
    ds_val: DatasetLike | None = None,
    ds_val_tensors: Mapping[str, str] | None = None,
    distributed: bool = False,
    timestamp: str | None = None,
    meta: dict[str, Any] | None = None,
    validate: bool = True,
) -> None:
    """Trains and evaluates a detector as ``mmdet.apis.train_detector`` does.

    Args:
        model: From ``build_detector``; has the trained weights afterwards. Gets the dataset's class names as
            ``CLASSES`` if it has none.
        cfg: An ``mmcv.Config``, which is not changed; see :mod:`penstock.integrations.mmdet.config` for its
            keys.
        ds_train, ds_val: A dataset or view, of penstock or deeplake 3, or its path; stands in for ``deeplake_path``.
        ds_train_tensors, ds_val_tensors: Stand in for ``deeplake_tensors``.
        distributed: Train in several processes, one for each GPU. Where a launcher (``torchrun``) started this one
            among others, or the script runs ``torch.distributed``, these are the processes; on several machines, too.
            With ``srun`` or ``mpirun`` the script calls ``mmcv.runner.init_dist`` before.
            Else ``gpu_ids`` says how many are started here; on the CPU as well. The script then needs
            ``if __name__ == "__main__":``, and hooks that are objects are copied.
        timestamp: Names the log files; default: the time of the start.
        meta: Goes into the checkpoints.
        validate: Evaluate on ``data.val``, at the interval that ``evaluation`` gives.

    Raises:
        ConfigError: A configuration that cannot work, before training starts.
        PenstockError: What opening and loading raise, also in one of several processes; it ends them all.
    """
    check_before_opening(cfg)
    check_config(cfg, validate=validate)
    cfg = with_defaults(cfg, distributed=distributed)
    train, val = (ds_train, ds_train_tensors), (ds_val, ds_val_tensors)
    if not distributed:
        _train(cfg, model, train, val, False, timestamp, meta, validate)
    elif has_launcher():
        with joined_group(cfg):
            _train(cfg, model, train, val, True, timestamp, meta, validate)
    else:
        with tempfile.TemporaryDirectory(prefix="penstock-weights-") as folder:
            spawn(_train_as_rank, cfg, folder, model, train, val, True, timestamp, meta, validate, log=log_of_rank_0())
            trained = torch.load(Path(folder, "model.pth"), weights_only=False)
            model.load_state_dict(trained["state_dict"])
            model.CLASSES = trained["CLASSES"]


def _train_as_rank(cfg: Any, folder: str, model: torch.nn.Module, *args: Any) -> None:
    """Trains as one of the processes that were started here. Rank 0 leaves the weights in ``folder``."""
    if cfg.get("custom_imports"):
        # Reading the configuration's file does it elsewhere.
        import_modules_from_strings(**cfg.custom_imports)
    _train(cfg, model, *args)
    if get_dist_info()[0] == 0:
        torch.save({"state_dict": model.cpu().state_dict(), "CLASSES": model.CLASSES}, Path(folder, "model.pth"))


def _train(
    cfg: Any,
    model: torch.nn.Module,
    train: _Given,
    val: _Given,
    distributed: bool,
    timestamp: str | None,
    meta: dict[str, Any] | None,
    validate: bool,
) -> None:
    """Trains in this process."""
    _, world_size = get_dist_info() if distributed else (0, 1)
    if cfg.seed is None:
        # Now: loaders would draw theirs when they first run, at different times in a resumed run.
        cfg.seed = base_seed(None, None, world_size)
    if distributed:
        cfg.gpu_ids = range(world_size)
    with contextlib.ExitStack() as stack:
        loaders = {"train": build_split_loader(cfg, "train", *train, dist=distributed)}
        stack.enter_context(loaders["train"])
        evaluated = None
        if validate:
            evaluated = build_split_loader(cfg, "val", *val, dist=distributed)
            stack.enter_context(evaluated)
            # Now, and not after the first epoch, is the time to learn that annotations contradict each other.
            for leaf in evaluated.leaves:
                leaf.prepare_metrics(check_evaluation(cfg))
        if any(phase == "val" for phase, _ in cfg.workflow):
            loaders["val"] = build_losses_loader(cfg, *val, dist=distributed)
            stack.enter_context(loaders["val"])
        run_training(model, cfg, loaders, evaluated, distributed, timestamp, meta)
