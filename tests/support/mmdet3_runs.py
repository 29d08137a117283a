"""Small runs of MMDetection 3: on a COCO file by its own loader, and on the Deep Lake dataset of the same content."""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from support.coco_lakes import CocoPair
from support.small_mask_rcnn import mask_rcnn

__all__ = ["CLASSES", "Run", "detector", "own_config", "pipelines", "run", "stock_config"]

CLASSES = ("cat", "dog", "emu", "fox")
_NUMBERS = itertools.count()


class Run:
    """What a run has left.

    Attributes:
        losses: The sum of losses of each iteration of training.
        images: The numbers of the images of each of its batches.
        metrics: Of each validation or test.
        found: Of each image of a test its number, and the boxes and scores that were found there.
        runner: The runner.
    """

    def __init__(self, runner: Any) -> None:
        self.losses: list[float] = []
        self.images: list[list[int]] = []
        self.metrics: list[dict[str, float]] = []
        self.found: list[tuple[int, Any, Any]] = []
        self.runner = runner


def detector(kind: str = "MaskRCNN") -> dict[str, Any]:
    """Mask R-CNN, Faster R-CNN or RetinaNet of a few thousand weights."""
    model = mask_rcnn(len(CLASSES))
    model["type"] = kind
    model["data_preprocessor"] = {
        "type": "DetDataPreprocessor",
        "mean": [123.675, 116.28, 103.53],
        "std": [58.395, 57.12, 57.375],
        "bgr_to_rgb": True,
        "pad_mask": kind == "MaskRCNN",
        "pad_size_divisor": 32,
    }
    if kind == "RetinaNet":
        head = {"type": "RetinaHead", "num_classes": len(CLASSES), "in_channels": 16, "feat_channels": 16}
        assigner = {"type": "MaxIoUAssigner", "pos_iou_thr": 0.5, "neg_iou_thr": 0.4, "min_pos_iou": 0}
        return {
            **{key: model[key] for key in ("type", "data_preprocessor", "backbone", "neck")},
            "bbox_head": {**head, "stacked_convs": 1},
            "train_cfg": {"assigner": assigner, "allowed_border": -1, "pos_weight": -1},
            "test_cfg": {"nms_pre": 100, "score_thr": 0.0, "nms": model["test_cfg"]["rcnn"]["nms"], "max_per_img": 9},
        }
    if kind == "FasterRCNN":
        for key in ("mask_head", "mask_roi_extractor"):
            del model["roi_head"][key]
        model["train_cfg"]["rcnn"].pop("mask_size", None)
        model["test_cfg"]["rcnn"].pop("mask_thr_binary", None)
    return model


def pipelines(*, masks: bool = False, steps: Sequence[dict[str, Any]] = ()) -> tuple[list[Any], list[Any]]:
    """Pipelines of training and of testing, without chance but for ``steps``."""
    load = {"type": "LoadAnnotations", "with_bbox": True, "with_mask": masks}
    resize = {"type": "Resize", "scale": (96, 64), "keep_ratio": True}
    names = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")
    train = [{"type": "LoadImageFromFile"}, load, resize, *steps, {"type": "PackDetInputs"}]
    test = [{"type": "LoadImageFromFile"}, resize, load, {"type": "PackDetInputs", "meta_keys": names}]
    return train, test


def stock_config(pair: CocoPair, work_dir: Path, *, masks: bool = False, **changes: Any) -> Any:
    """A configuration of MMDetection's own, of one epoch and a validation."""
    files = {
        "type": "CocoDataset",
        "ann_file": str(pair.annotations),
        "data_prefix": {"img": str(pair.images)},
        "metainfo": {"classes": CLASSES},
    }
    cfg = _config(files, work_dir, masks)
    cfg.val_evaluator["ann_file"] = cfg.test_evaluator["ann_file"] = str(pair.annotations)
    # It takes "_delete_" out of what it is given.
    cfg.merge_from_dict(copy.deepcopy(changes))
    return cfg


def own_config(pair: CocoPair, work_dir: Path, *, masks: bool = False, **changes: Any) -> Any:
    """The same on the Deep Lake dataset."""
    # What reading a configuration's file does.
    import penstock.integrations.mmdet3  # noqa: F401

    cfg = _config({"type": "DeepLakeDetDataset", "deeplake_path": str(pair.lake)}, work_dir, masks)
    cfg.custom_imports = {"imports": ["penstock.integrations.mmdet3"]}
    cfg.runner_type = "PenstockRunner"
    # It takes "_delete_" out of what it is given.
    cfg.merge_from_dict(copy.deepcopy(changes))
    return cfg


def _config(dataset: dict[str, Any], work_dir: Path, masks: bool) -> Any:
    from mmengine.config import Config

    train, test = pipelines(masks=masks)
    val = {
        "batch_size": 2,
        "num_workers": 0,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "dataset": {**dataset, "test_mode": True, "pipeline": test},
    }
    evaluator = {"type": "CocoMetric", "metric": ["bbox", "segm"] if masks else ["bbox"]}
    return Config(
        {
            "default_scope": "mmdet",
            "model": detector("MaskRCNN" if masks else "FasterRCNN"),
            "train_dataloader": {
                "batch_size": 3,
                "num_workers": 0,
                "sampler": {"type": "DefaultSampler", "shuffle": True},
                "batch_sampler": {"type": "AspectRatioBatchSampler"},
                "dataset": {
                    **dataset,
                    "pipeline": train,
                    "filter_cfg": {"filter_empty_gt": True, "min_size": 32},
                },
            },
            "val_dataloader": val,
            "test_dataloader": val,
            "val_evaluator": evaluator,
            "test_evaluator": evaluator,
            "train_cfg": {"type": "EpochBasedTrainLoop", "max_epochs": 1, "val_interval": 1},
            "val_cfg": {"type": "ValLoop"},
            "test_cfg": {"type": "TestLoop"},
            "optim_wrapper": {"type": "OptimWrapper", "optimizer": {"type": "SGD", "lr": 0.001, "momentum": 0.9}},
            "default_hooks": {
                "timer": {"type": "IterTimerHook"},
                "logger": {"type": "LoggerHook", "interval": 1},
                "param_scheduler": {"type": "ParamSchedulerHook"},
                "checkpoint": {"type": "CheckpointHook", "interval": 1},
                "sampler_seed": {"type": "DistSamplerSeedHook"},
                "visualization": {"type": "DetVisualizationHook"},
            },
            "env_cfg": {"cudnn_benchmark": False, "mp_cfg": {"mp_start_method": "fork", "opencv_num_threads": 0},
                        "dist_cfg": {"backend": "gloo"}},
            "vis_backends": [{"type": "LocalVisBackend"}],
            "visualizer": {
                "type": "DetLocalVisualizer", "vis_backends": [{"type": "LocalVisBackend"}], "name": "visualizer",
            },
            "log_processor": {"type": "LogProcessor", "window_size": 1, "by_epoch": True},
            "log_level": logging.ERROR,
            "randomness": {"seed": 3},
            "work_dir": str(work_dir),
        }
    )


def run(cfg: Any, what: str = "train", *, prepare: Callable[[Any], None] | None = None) -> Run:
    """Trains, validates or tests as MMDetection's tools do.

    Args:
        cfg: The configuration.
        what: "train", "val" or "test".
        prepare: Called with the runner before.
    """
    from mmengine.hooks import Hook
    from mmengine.registry import RUNNERS
    from mmengine.runner import Runner

    # Instances of one name are shared within a process.
    cfg.experiment_name = f"run{next(_NUMBERS)}"
    for name in ("visualizer",):
        cfg[name]["name"] = f"{name}{cfg.experiment_name}"
    runner = RUNNERS.build(cfg) if "runner_type" in cfg else Runner.from_cfg(cfg)
    made = Run(runner)

    class Keep(Hook):  # type: ignore[misc]
        priority = "LOWEST"

        def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
            made.losses.append(float(outputs["loss"]))
            made.images.append([sample.img_id for sample in data_batch["data_samples"]])

        def after_test_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
            for sample in outputs:
                found = sample.pred_instances
                made.found.append((sample.img_id, found.bboxes.tolist(), found.scores.tolist()))

        def after_val_epoch(self, runner: Any, metrics: Any = None) -> None:
            made.metrics.append(dict(metrics))

        after_test_epoch = after_val_epoch

    runner.register_hook(Keep())
    if prepare is not None:
        prepare(runner)
    # pycocotools prints its progress.
    with contextlib.redirect_stdout(io.StringIO()):
        getattr(runner, what)()
    return made
