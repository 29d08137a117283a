"""Evaluation while training, on one process or on all ranks."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mmcv
import torch
import torch.distributed as dist
from mmcv.runner import get_dist_info
from mmdet.apis.test import collect_results_cpu
from mmdet.core import DistEvalHook, EvalHook, encode_mask_results
from torch.nn.modules.batchnorm import _BatchNorm

from penstock.errors import ConfigError
from penstock.integrations.mmdet.detection_loader import DetectionLoader
from penstock.integrations.ranks.distributed import gathered

__all__ = ["RanksEvalHook", "evaluation_hook", "results_of_ranks"]

_OF_RANKS = ("tmpdir", "gpu_collect", "broadcast_bn_buffer")


def evaluation_hook(loader: DetectionLoader, cfg: Any, *, distributed: bool) -> EvalHook:
    """MMDetection's hook, as ``evaluation`` sets it."""
    evaluation = {**(cfg.get("evaluation") or {}), "by_epoch": cfg.runner["type"] != "IterBasedRunner"}
    if distributed:
        return RanksEvalHook(loader, **evaluation)
    # A configuration for several processes works with one.
    return EvalHook(loader, **{key: value for key, value in evaluation.items() if key not in _OF_RANKS})


class RanksEvalHook(DistEvalHook):  # type: ignore[misc]
    """MMDetection's ``DistEvalHook``, on the CPU too, and without waiting. ``latest_results`` are in the order of the
    dataset, on rank 0.
    """

    def _do_evaluate(self, runner: Any) -> None:
        if self.broadcast_bn_buffer:
            _share_statistics(runner.model)
        if not self._should_evaluate(runner):
            return
        self.latest_results = results_of_ranks(
            runner.model,
            self.dataloader,
            tmpdir=self.tmpdir,
            gpu_collect=self.gpu_collect,
            progress=_printed(len(self.dataloader.detection)) if runner.rank == 0 else None,
        )
        if runner.rank == 0:
            runner.log_buffer.output["eval_iter_num"] = len(self.dataloader)
            score = self.evaluate(runner, self.latest_results)
            if self.save_best and score:
                self._save_ckpt(runner, score)


def results_of_ranks(
    model: torch.nn.Module,
    loader: DetectionLoader,
    *,
    tmpdir: str | None = None,
    gpu_collect: bool = False,
    progress: Callable[[int, int], None] | None = None,
    seen: Callable[[int, Any], None] | None = None,
) -> list[Any] | None:
    """The model's results on a dataset, which all ranks compute together. All of them have to call it; without
    ``torch.distributed`` there is one.

    Args:
        model: In mmcv's wrapper; is put into evaluation mode.
        loader: Of this rank's part, not shuffled.
        tmpdir: A folder that all ranks see, to collect results by files in place of messages. Goes if nothing else is
            in there.
        gpu_collect: Collect through the GPU's memory.
        progress: Called with how many results there are on all ranks, and of how many.
        seen: Called on each rank with an item and its result, in which masks are not yet run lengths.

    Returns:
        On rank 0 the results in the dataset's order; None on the other ranks.
    """
    _, world_size = get_dist_info()
    results = _own_results(model, loader, progress, seen)
    size = len(loader.detection)
    if tmpdir is not None and world_size > 1:
        return _collected_by_files(results, size, Path(tmpdir))
    parts = gathered(results, on_gpu=gpu_collect)
    if parts is None:
        return None
    in_turns = [result for results in zip(*parts, strict=True) for result in results]
    return in_turns[:size]


def _collected_by_files(results: list[Any], size: int, folder: Path) -> list[Any] | None:
    # MMDetection removes the whole folder, with whatever else lies there.
    own = folder / ".penstock-results"
    try:
        ordered: list[Any] | None = collect_results_cpu(results, size, os.fspath(own))
    except FileNotFoundError as error:
        raise ConfigError(
            f"evaluation.tmpdir='{folder}': the results of other ranks are not there",
            hint="All machines have to see the same folder; without tmpdir results travel by messages",
        ) from error
    if ordered is not None:
        with contextlib.suppress(OSError):
            folder.rmdir()
    return ordered


def _own_results(
    model: torch.nn.Module,
    loader: DetectionLoader,
    progress: Callable[[int, int], None] | None,
    seen: Callable[[int, Any], None] | None,
) -> list[Any]:
    """This rank's results, those of the tail that is filled up too."""
    model.eval()
    rank, world_size = get_dist_info()
    size = len(loader.detection)
    results: list[Any] = []
    for batch in loader:
        with torch.no_grad():
            found = model(return_loss=False, rescale=True, **batch)
        for result in found:
            item = len(results) * world_size + rank
            if seen is not None and item < size:
                seen(item, result)
            # Masks travel and lie in memory as run lengths.
            masks = isinstance(result, tuple)
            results.append((result[0], encode_mask_results(result[1])) if masks else result)
        if progress is not None:
            progress(min(len(results) * world_size, size), size)
    return results


def _printed(size: int) -> Callable[[int, int], None]:
    """Progress as MMDetection prints it."""
    bar = mmcv.ProgressBar(size)

    def show(done: int, total: int) -> None:
        for _ in range(done - bar.completed):
            bar.update()
        if done == total:
            print()

    return show


def _share_statistics(model: torch.nn.Module) -> None:
    """Gives all ranks the running means and variances of rank 0: each has its own of its batches."""
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            for statistic in (module.running_mean, module.running_var):
                if statistic is not None:
                    dist.broadcast(statistic, 0)
