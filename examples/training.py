"""Training with figures on how fast the data came, and pictures of what the model finds."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmcv.runner import HOOKS, Hook
from mmcv.utils import get_logger

from penstock.integrations.mmdet import build_dataloader, build_dataset, build_detector, train_detector
from penstock.integrations.mmdet.training.device import OneDevice
from penstock.view.drawing import annotated, draw_grid

_LOG_NAME = "demo"
LOWEST_SCORE = 0.3
#: Iterations that no figure counts.
WARM_UP = 5


@HOOKS.register_module()
class Pace(Hook):  # type: ignore[misc]
    """Prints how training goes, and sums up what it spends on waiting for data and on the model.

    The turn of an epoch and the checkpoints count as neither, and the first
    iterations, in which torch imports and compiles what it needs, do not count at all.

    Args:
        out: The JSON file for the sums.
        interval: Iterations from line to line.
    """

    def __init__(self, out: str, interval: int) -> None:
        self._out = Path(out)
        self._interval = interval
        self._images = 0
        self._model_seconds = 0.0
        self._waited_before = 0.0
        self._started = 0.0

    def before_train_iter(self, runner: Any) -> None:
        self._started = time.perf_counter()

    def after_train_iter(self, runner: Any) -> None:
        self._model_seconds += time.perf_counter() - self._started
        self._images += runner.outputs["num_samples"]
        if runner.iter + 1 == WARM_UP:
            self._images, self._model_seconds, self._waited_before = 0, 0.0, _waited(runner)
        if self.every_n_iters(runner, self._interval):
            loss = float(runner.outputs["loss"].detach())
            done = f"iteration {runner.iter + 1} of {runner.max_iters}"
            print(f"    {done}: loss {loss:.3f}, {self._figures(runner)['images_per_second']:.1f} images/s", flush=True)

    def after_run(self, runner: Any) -> None:
        self._out.write_text(json.dumps(self._figures(runner)))

    def _figures(self, runner: Any) -> dict[str, float]:
        waited = _waited(runner) - self._waited_before
        seconds = max(waited + self._model_seconds, 1e-9)
        return {
            "iterations": runner.max_iters,
            "images_per_second": self._images / seconds,
            "waiting_share": waited / seconds,
        }


def _waited(runner: Any) -> float:
    """Seconds of waiting for data: for the core, and for the Python transforms that make batches of its images."""
    loader = getattr(runner.data_loader, "_dataloader", runner.data_loader)
    stats = loader.stats()
    return float(stats["wait_seconds"] + stats.get("python_seconds", 0.0))


def train(cfg: Any) -> tuple[torch.nn.Module, dict[str, float]]:
    """Trains and evaluates.

    Returns:
        The model, and figures: iterations, images_per_second, waiting_share, and COCO's bbox_mAP and its kin.
    """
    work_dir = Path(cfg.work_dir)
    work_dir.mkdir(parents=True, exist_ok=True)
    pace = work_dir / "pace.json"
    log = work_dir / f"{_LOG_NAME}.log.json"
    log.unlink(missing_ok=True)
    cfg.custom_hooks = [{"type": "Pace", "out": str(pace), "interval": cfg.log_config["interval"]}]
    torch.manual_seed(cfg.seed)
    np.random.seed(cfg.seed)
    # It would tell how each layer is initialised.
    get_logger("mmcv").setLevel(cfg.log_level)
    model = build_detector(cfg.model)
    model.init_weights()
    train_detector(model, cfg, timestamp=_LOG_NAME)
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    evaluation = [entry for entry in entries if entry.get("mode") == "val"][-1]
    metrics = {key: value for key, value in evaluation.items() if isinstance(value, float)}
    return model, {**json.loads(pace.read_text()), **metrics}


def draw_predictions(model: torch.nn.Module, cfg: Any, count: int, out: Path) -> int:
    """Draws the first validation images with what the model finds in them, from a score of LOWEST_SCORE on.

    Returns:
        How many boxes that are.
    """
    pipeline = cfg.data.val.get("pipeline") or cfg.test_pipeline
    dataset = build_dataset(cfg.data.val, {"test_mode": True, "pipeline": pipeline})
    wrapped = OneDevice(model, next(model.parameters()).device).eval()
    pictures, drawn = [], 0
    with build_dataloader(dataset, 1, 2, shuffle=False, loader_type=cfg.deeplake_dataloader_type) as loader:
        for index, batch in zip(dataset.indices[:count].tolist(), loader, strict=False):
            with torch.no_grad():
                (found,) = wrapped(return_loss=False, rescale=True, **batch)
            pixels = dataset.source[dataset.tensors.img].read(index, "rgb")
            boxes, names, scores = _boxes(found, dataset.CLASSES)
            pictures.append(annotated(pixels, boxes, names, scores))
            drawn += len(names)
    draw_grid(pictures).save(out)
    return drawn


def _boxes(found: Sequence[Any], names: Sequence[str]) -> tuple[Any, list[str], list[float]]:
    """MMDetection's result as boxes [n, 4] of left, top, width, height, their classes and scores."""
    rows = np.concatenate(found)
    labels = np.repeat(np.arange(len(found)), [len(boxes) for boxes in found])
    keep = rows[:, 4] >= LOWEST_SCORE
    corners, scores = rows[keep, :4].astype(np.float64), rows[keep, 4]
    ltwh = np.concatenate((corners[:, :2], corners[:, 2:] - corners[:, :2]), axis=1)
    return ltwh, [names[label] for label in labels[keep]], scores.tolist()
